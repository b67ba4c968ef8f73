from __future__ import annotations

import threading
import time

import numpy as np

from edgecnn_device.cameras import CameraFrame, Slot

IMAGE = np.zeros((2, 2, 3), np.uint8)


def _frame(index: int) -> CameraFrame:
    return CameraFrame("door", index, IMAGE, 1.0)


def test_the_newest_wins_and_what_it_replaced_is_counted() -> None:
    slot = Slot()
    for index in range(5):
        slot.put(_frame(index))
    frame = slot.take(0)
    assert frame is not None and frame.index == 4 and frame.image is IMAGE
    slot.put(_frame(5))
    assert slot.replaced == 4


def test_each_reader_has_its_own_place() -> None:
    slot = Slot()
    assert slot.take(0) is None
    slot.put(_frame(7))
    assert [slot.take(0, n) is None for n in (-1, 6, 7, 8)] == [False, False, True, True]
    assert slot.take(0, 3) is slot.take(0, 5)


def test_readers_wait_for_a_newer_one() -> None:
    slot, got = Slot(), []
    readers = [
        threading.Thread(target=lambda: got.append(slot.take(30, newer_than=1))) for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    slot.put(_frame(1))
    slot.put(_frame(2))
    for reader in readers:
        reader.join(30)
    assert [frame.index for frame in got if frame is not None] == [2, 2, 2]


def test_closing_lets_nobody_wait() -> None:
    slot = Slot()
    reader = threading.Thread(target=slot.take, args=(600,))
    reader.start()
    slot.put(_frame(0))
    slot.close()
    reader.join(30)
    assert not reader.is_alive()
    assert slot.take(600, newer_than=0) is None
    assert slot.take(600) is not None


def test_a_frame_without_a_time_is_of_when_it_is_taken() -> None:
    slot = Slot(timeless=True)
    slot.put(_frame(0))
    before = time.monotonic()
    frame = slot.take(0)
    assert frame is not None and before <= frame.captured <= time.monotonic()
    assert slot.take(0) is frame


def test_a_writer_can_wait_until_its_frame_is_taken() -> None:
    slot = Slot()
    assert slot.wait_until_taken(0)
    slot.put(_frame(0))
    assert not slot.wait_until_taken(0.01)
    threading.Timer(0.05, slot.take, (0,)).start()
    assert slot.wait_until_taken(30)
