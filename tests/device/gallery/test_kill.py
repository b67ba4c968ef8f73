"""A process that is really killed loses nothing it acknowledged, and leaves no half of anybody."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Draw = Callable[..., NDArray[np.float32]]
TEMPLATES = 3

WRITER = """
import sys
from pathlib import Path
import numpy as np
from edgecnn_device.gallery import Gallery, ModelIdentity
place, keys, key, sha256, preprocessing, size, first, last = sys.argv[1:]
identity = ModelIdentity(sha256, preprocessing, int(size))
print("begin", flush=True)
with Gallery.open(Path(place), Path(keys), Path(key), identity, True) as gallery:
    for step in range(int(first), int(last)):
        there = {person.name for person in gallery.people()}
        if step % 5 == 4:
            if str(step - 3) in there:
                gallery.delete(str(step - 3))
        elif str(step) not in there:
            rows = np.random.default_rng(step).standard_normal((3, int(size))).astype(np.float32)
            gallery.enrol(str(step), rows)
        print(step, flush=True)
"""
"""Every fifth step deletes whom an earlier one enrolled; a step done already is left out."""


def _there(steps: int) -> set[str]:
    """Return who is enrolled after so many steps."""
    deleted = {step - 3 for step in range(steps) if step % 5 == 4}
    return {str(step) for step in range(steps) if step % 5 != 4 and step not in deleted}


def _run_and_kill(place: Any, first: int, last: int, acknowledge: int, wait_s: float) -> int:
    """Run from a step on, kill after some acknowledgements and a moment; returns the next step."""
    facts = (place.gallery, place.keystore, place.key, *vars(place.identity).values(), first, last)
    command = [sys.executable, "-c", WRITER, *map(str, facts)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begin\n"
    seen = [line for _, line in zip(range(acknowledge), process.stdout, strict=False)]
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    # Not communicate(): it passes over what is buffered here already.
    lines = [*seen, *process.stdout]
    process.stdout.close()
    assert process.wait() in (0, -signal.SIGKILL)
    # The last line may have been cut while it was written.
    whole = [line for line in lines if line.endswith("\n")]
    return int(whole[-1]) + 1 if whole else first


def _check(place: Any, done: int, draw: Draw) -> None:
    """Compare with what was acknowledged; the step that was under way may be done, or not."""
    with place.open(create=True) as gallery:
        people = gallery.people()
        assert {p.name for p in people} in (_there(done), _there(done + 1))
        assert {p.templates for p in people} <= {TEMPLATES}
        assert gallery.damaged == ()
        for person in people:
            sound = draw(int(person.name), TEMPLATES)
            np.testing.assert_allclose(gallery.export(person.name).vectors, sound, atol=1e-6)


def _enrol_and_kill(place: Any, draw: Draw, steps: int, kills: int) -> None:
    random, done = np.random.default_rng(steps), 0
    for _ in range(kills):
        acknowledge = int(random.integers(0, 2 * steps // kills))
        done = _run_and_kill(place, done, steps, acknowledge, float(random.uniform(0, 0.02)))
        _check(place, done, draw)
    assert _run_and_kill(place, done, steps, steps + 1, 0) == steps
    _check(place, steps, draw)


def test_a_killed_gallery_keeps_what_it_acknowledged(place: Any, vectors: Draw) -> None:
    _enrol_and_kill(place, vectors, steps=40, kills=6)


@pytest.mark.slow
def test_a_gallery_killed_over_and_over_keeps_500_steps(place: Any, vectors: Draw) -> None:
    _enrol_and_kill(place, vectors, steps=500, kills=100)
