from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn.vision.serials import GRAMMARS
from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.synthetic_heads import SyntheticHeads
from edgecnn_device.cameras.synthetic_notes import SyntheticNotes

SIZE, RATE = (320, 180), 10.0
Kind = type[SyntheticNotes] | type[SyntheticHeads]


@pytest.fixture
def make() -> Iterator[Callable[..., Any]]:
    made: list[Any] = []

    def source(kind: Kind, seed: int = 0, size: tuple[int, int] = SIZE) -> Any:
        made.append(kind(size, seed, RATE))
        return made[-1]

    yield source
    for source_ in made:
        source_.close()


@pytest.mark.parametrize("kind", [SyntheticNotes, SyntheticHeads])
def test_a_picture_depends_on_seed_and_index_alone(make: Any, kind: Kind) -> None:
    one, other = make(kind), make(kind)
    frames = [one.read() for _ in range(60)]
    assert frames[0].shape == (180, 320, 3) and frames[0].dtype == np.uint8
    for index in (50, 3):
        assert np.array_equal(other.picture(index), frames[index])
    assert not np.array_equal(frames[20], frames[21])
    assert not np.array_equal(make(kind, 1).picture(20), frames[20])


@pytest.mark.parametrize("kind", [SyntheticNotes, SyntheticHeads])
def test_motion_is_smooth(make: Any, kind: Kind) -> None:
    source = make(kind)
    steps = [cv2.absdiff(source.picture(n), source.picture(n + 1)).mean() for n in range(15, 30)]
    assert max(steps) < 25


def test_notes_follow_one_another_and_say_what_they_are(make: Any) -> None:
    source = make(SyntheticNotes)
    shown = [source.shown(n) for n in range(120)]
    held = [s for s in shown if s is not None]
    assert None in shown and len({s.serial for s in held}) == 3
    for note in held:
        assert GRAMMARS[note.currency].match(note.serial)
    middle = source.shown(20).quad
    assert middle.min() > 0 and (middle.max(0) < SIZE).all()


def test_a_note_is_where_it_is_said_to_be(make: Any) -> None:
    source = make(SyntheticNotes)
    quad = source.shown(20).quad
    empty, picture = source.picture(38), source.picture(20)
    assert source.shown(38) is None
    inside = np.zeros((180, 320), np.uint8)
    cv2.fillPoly(inside, [quad.astype(np.int32)], 1)
    change = cv2.absdiff(picture, empty).mean(2)
    thumb = np.zeros_like(inside)
    low = int(quad[2:, 1].min())
    thumb[low:] = 1
    assert change[inside > 0].mean() > 3 * change[(inside + thumb) == 0].mean()


@pytest.mark.parametrize("source", ["synthetic:notes", "synthetic:heads:3"])
def test_it_is_a_camera(start: Callable[..., Capture], source: str) -> None:
    capture = start(source, width=160, paced=False)
    last = -1
    for index in range(5):
        frame = capture.slot.take(90, last)
        assert frame is not None and frame.index == index
        assert frame.image.shape == (90, 160, 3)
        last = frame.index
