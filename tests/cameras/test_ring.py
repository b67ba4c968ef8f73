from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from edgecnn_device.cameras.ring import PLACES, RingReader, RingWriter, new_memory


@pytest.fixture
def memory() -> Iterator[int]:
    file = new_memory()
    yield file
    os.close(file)


def test_pictures_come_out_as_they_went_in(memory: int) -> None:
    writer, reader, rng = RingWriter(memory), RingReader(memory), np.random.default_rng(0)
    for size in ((4, 5), (4, 5), (40, 50), (3, 3), (200, 100)):
        image = rng.integers(0, 256, (*size, 3), np.uint8)
        placed = writer.put(image, wait=False)
        assert placed is not None
        out = reader.get(placed)
        writer.release(placed.place)
        assert np.array_equal(out, image) and out.flags.owndata


def test_a_live_picture_without_a_place_is_refused(memory: int) -> None:
    writer, image = RingWriter(memory), np.zeros((2, 2, 3), np.uint8)
    held = [writer.put(image, wait=False) for _ in range(PLACES)]
    assert None not in held and len({p.place for p in held if p}) == PLACES
    assert writer.put(image, wait=False) is None
    writer.release(1)
    again = writer.put(image, wait=False)
    assert again is not None and again.place == 1


def test_a_recorded_one_waits(memory: int) -> None:
    writer, image = RingWriter(memory), np.zeros((2, 2, 3), np.uint8)
    for _ in range(PLACES):
        writer.put(image, wait=True)
    threading.Timer(0.05, writer.release, (2,)).start()
    placed = writer.put(image, wait=True)
    assert placed is not None and placed.place == 2


def test_the_memory_has_no_name_and_is_on_no_disk(memory: int) -> None:
    assert "memfd:" in os.readlink(f"/proc/self/fd/{memory}")
