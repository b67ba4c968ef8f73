"""V4L2 through a stand-in for `cv2.VideoCapture`: containers have no v4l2loopback to try it on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.source import SourceError, Wanted
from edgecnn_device.cameras.usb import open_usb

IMAGE = np.full((2, 2, 3), 7, np.uint8)


class FakeVideo:
    """Answers as OpenCV does: a pair from retrieve(), False from grab() where nothing comes."""

    def __init__(self, *given: Any) -> None:
        self.given, self.released = given, False
        self.asked: list[tuple[int, float]] = []
        self.opened = True
        self.frames: list[Any] = [IMAGE, None, IMAGE]
        self._now: Any = None

    def isOpened(self) -> bool:
        return self.opened

    def set(self, key: int, value: float) -> bool:
        self.asked.append((key, value))
        return True

    def grab(self) -> bool:
        if not self.frames:
            return False
        self._now = self.frames.pop(0)
        return True

    def retrieve(self) -> tuple[bool, Any]:
        return self._now is not None, self._now

    def release(self) -> None:
        self.released = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[FakeVideo]:
    made: list[FakeVideo] = []

    def opened(*given: Any) -> FakeVideo:
        made.append(FakeVideo(*given))
        return made[-1]

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    monkeypatch.setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "10")
    return made


def test_it_is_asked_for_motion_jpeg_before_its_size(fake: list[FakeVideo], tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    open_usb(str(tmp_path / "video0"), Wanted("usb:0", width=1280, height=720, rate=30))
    assert fake[0].given == (str(tmp_path / "video0"), cv2.CAP_V4L2)
    assert fake[0].asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280), (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 30), (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]  # fmt: skip
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "5"


def test_a_damaged_picture_is_not_a_camera_that_is_gone(
    fake: list[FakeVideo], tmp_path: Path
) -> None:
    (tmp_path / "video0").touch()
    camera = open_usb(str(tmp_path / "video0"), Wanted("usb:0"))
    assert [camera.read() is None for _ in range(3)] == [False, True, False]
    with pytest.raises(SourceError, match="gives no more pictures"):
        camera.read()
    camera.close()
    assert fake[0].released


def test_a_camera_that_is_not_there_is_said(start: Callable[..., Capture], wait_for: Any) -> None:
    if Path("/dev/video97").exists():
        pytest.skip("there is a /dev/video97")
    status = wait_for(start("usb:97"), lambda s: s.state == "backoff")
    assert status.reason.startswith("/dev/video97: there is no such camera")


def test_what_is_no_camera_is_said(start: Callable[..., Capture], wait_for: Any) -> None:
    status = wait_for(start("/dev/null"), lambda s: s.state == "backoff")
    assert status.reason == "/dev/null: cannot be opened"
