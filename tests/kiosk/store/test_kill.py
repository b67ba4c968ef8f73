"""A process that is really killed loses no event that it acknowledged, and leaves none half."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store

WRITER = """
import sys
from pathlib import Path
from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import Event, NoteSeen
from edgecnn_device.kiosk.store import Store
config = StorageConfig(free_mb=0, retention=RetentionConfig(thumbnails=9))
store = Store.open(Path(sys.argv[1]), config, sweep_s=0.01)
print("begin", flush=True)
for i in range(int(sys.argv[2])):
    event = Event(NoteSeen("KRW", f"serial {i}", 0.9, "", 3, ()), "front", 1.8e9, True)
    stored = store.add(event, bytes(3000))
    print(stored.sequence, event.id, i, flush=True)
"""
Facts = dict[int, tuple[str, str]]


def _run_and_kill(folder: Path, most: int, wait_s: float) -> Facts:
    """Add until killed; returns number, id and serial of what was acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder), str(most)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "begin\n"
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    lines = [line for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() in (0, -signal.SIGKILL)
    parts = (line.split() for line in lines)
    return {int(sequence): (id, f"serial {i}") for sequence, id, i in parts}


def _kill_over_and_over(
    open_store: Callable[..., Store], folder: Path, kills: int, most: int
) -> int:
    random, acknowledged = np.random.default_rng(kills), Facts()
    for _ in range(kills):
        acknowledged |= _run_and_kill(folder, most, float(random.uniform(0, 0.5)))
        store = open_store(StorageConfig(free_mb=0))
        found: Facts = {}
        before: int | None = None
        while rows := store.find(EventQuery(before=before, limit=500)):
            before = rows[-1].sequence
            found |= {r.sequence: (r.event.id, r.event.body.serial) for r in rows}  # type: ignore[union-attr, misc]
        assert found.items() >= acknowledged.items()
        assert sorted(found) == list(range(1, len(found) + 1))
        # What was stored and not acknowledged in time: one each time at most.
        acknowledged = found
        assert store.status().unreadable == 0
        store.close()
        assert not list(folder.glob("*damaged*"))
    return len(acknowledged)


def test_a_killed_store_keeps_what_it_acknowledged(
    open_store: Callable[..., Store], folder: Path
) -> None:
    assert _kill_over_and_over(open_store, folder, kills=5, most=200) > 20


@pytest.mark.slow
def test_a_store_killed_a_hundred_times(open_store: Callable[..., Store], folder: Path) -> None:
    assert _kill_over_and_over(open_store, folder, kills=100, most=200) > 1000
