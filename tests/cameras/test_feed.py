"""Real files through a real process of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.feed import ChildFeed, Opened, Picture
from edgecnn_device.cameras.source import SourceError, Wanted

PATIENCE_S = 90.0


def _next(feed: ChildFeed, kind: type) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        given = feed.next(1.0)
        if isinstance(given, kind):
            return given
    raise AssertionError(f"no {kind.__name__} came")


def test_every_frame_of_a_video_comes_in_order(
    start: Callable[..., Capture], all_frames: Any, avi: Any
) -> None:
    capture = start(str(avi(8)), paced=False)
    tones = [float(image.mean()) for image in all_frames(capture)]
    assert tones == pytest.approx([20 + 10 * n for n in range(8)], abs=3)
    status = capture.snapshot()
    assert (status.state, status.reason, status.captured, status.corrupt.total) == (
        "ended", "", 8, 0,
    )  # fmt: skip


def test_a_loop_begins_again(start: Callable[..., Capture], avi: Any, wait_for: Any) -> None:
    capture = start(str(avi(3)), loop=True, rate=200.0)
    wait_for(capture, lambda s: s.captured > 9)


def test_a_damaged_video_gives_what_it_has(
    start: Callable[..., Capture], all_frames: Any, avi: Any
) -> None:
    path = avi(30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    capture = start(str(path), paced=False)
    assert 0 < len(all_frames(capture)) < 30
    status = capture.snapshot()
    assert status.state == "ended" and "damaged" in status.reason


@pytest.mark.parametrize("name", ["film.avi", "film.mp4", "film.mkv", "film.gif"])
def test_rubbish_for_a_video_is_said(
    start: Callable[..., Capture], wait_for: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(5000))
    status = wait_for(start(str(tmp_path / name)), lambda s: s.state == "backoff")
    assert "not a video" in status.reason and status.captured == 0


def test_a_video_that_comes_later_is_taken(
    start: Callable[..., Capture], wait_for: Any, avi: Any, tmp_path: Path
) -> None:
    capture = start(str(tmp_path / "late.avi"))
    assert "cannot be read" in wait_for(capture, lambda s: s.state == "backoff").reason
    avi(3, "late.avi")
    assert wait_for(capture, lambda s: s.state == "ended").captured == 3


def test_damaged_pictures_are_counted_and_passed_over(
    start: Callable[..., Capture], all_frames: Any, tmp_path: Path
) -> None:
    for index, tone in enumerate((10, 20, 30)):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((20, 30, 3), tone, np.uint8))
    whole = cv2.imencode(".jpg", np.full((64, 64, 3), 99, np.uint8))[1].tobytes()
    (tmp_path / "1a.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "1b.jpg").write_bytes(b"")
    (tmp_path / "1c.jpg").write_bytes(b"\xff\xd8rubbish")
    capture = start(str(tmp_path), paced=False)
    assert [int(image.mean()) for image in all_frames(capture)] == [10, 20, 30]
    status = capture.snapshot()
    assert (status.captured, status.corrupt.undecodable, status.state) == (3, 3, "ended")
    frame = capture.slot.take(0)
    assert frame is not None and frame.index == 5


def test_pictures_may_grow_and_shrink(
    start: Callable[..., Capture], all_frames: Any, tmp_path: Path
) -> None:
    sizes = [(20, 30), (400, 300), (1, 1), (900, 1600), (20, 30)]
    for index, size in enumerate(sizes):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((*size, 3), 40 * index, np.uint8))
    images = all_frames(start(str(tmp_path), paced=False))
    assert [image.shape[:2] for image in images] == sizes
    assert [int(image.max()) for image in images] == [0, 40, 80, 120, 160]


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_camera_that_hangs_on_its_side_is_turned(
    start: Callable[..., Capture], all_frames: Any, tmp_path: Path, degrees: int,
    corner: tuple[int, int],
) -> None:  # fmt: skip
    image = np.zeros((20, 30, 3), np.uint8)
    image[0, 0] = 255
    cv2.imwrite(str(tmp_path / "0.png"), image)
    (turned,) = all_frames(start(str(tmp_path / "0.png"), paced=False, rotate=degrees))
    assert turned.shape[:2] == ((20, 30) if degrees == 180 else (30, 20))
    assert turned[corner].min() == 255 and turned.sum() == 3 * 255


def test_a_process_that_is_killed_is_started_again(
    start: Callable[..., Capture], avi: Any, wait_for: Any
) -> None:
    feeds: list[ChildFeed] = []

    def opened(*given: Any) -> ChildFeed:
        feeds.append(ChildFeed(*given))
        return feeds[-1]

    capture = start(str(avi(3)), loop=True, open_feed=opened)
    wait_for(capture, lambda s: s.captured > 1)
    os.kill(feeds[0]._process.pid, signal.SIGKILL)
    wait_for(capture, lambda s: s.reconnects == 1)
    assert feeds[0]._process.returncode == -signal.SIGKILL


def test_a_process_that_stands_still_is_killed(
    start: Callable[..., Capture], avi: Any, wait_for: Any
) -> None:
    feeds: list[ChildFeed] = []

    def opened(*given: Any) -> ChildFeed:
        feeds.append(ChildFeed(*given))
        return feeds[-1]

    capture = start(str(avi(3)), loop=True, open_feed=opened, deadline_s=0.5)
    wait_for(capture, lambda s: s.captured > 1)
    os.kill(feeds[0]._process.pid, signal.SIGSTOP)
    status = wait_for(capture, lambda s: s.reconnects >= 1)
    assert status.stalls >= 1
    assert feeds[0]._process.returncode == -signal.SIGKILL


def test_a_process_ends_when_nobody_listens(quick_feed: Any, avi: Any) -> None:
    feed = quick_feed(Wanted(str(avi(3)), loop=True))
    _next(feed, Picture)
    feed._to.close()
    assert feed._process.wait(PATIENCE_S) == 0


def test_its_password_is_neither_on_the_command_line_nor_in_the_environment(
    quick_feed: Any, avi: Any
) -> None:
    feed = quick_feed(Wanted(str(avi(3, "hunter2.avi")), loop=True))
    _next(feed, Opened)
    for name in ("cmdline", "environ"):
        assert b"hunter2" not in Path(f"/proc/{feed._process.pid}/{name}").read_bytes()


def test_processes_that_cannot_be_ended_are_bounded(
    quick_feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hung:
        def poll(self) -> None:
            return None

    monkeypatch.setattr("edgecnn_device.cameras.feed._unended", [Hung()] * 4)
    with pytest.raises(SourceError, match="hang in the kernel"):
        quick_feed(Wanted("usb:0"))
