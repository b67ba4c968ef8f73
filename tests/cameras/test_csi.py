"""CSI cameras through a stand-in for the module picamera2, in the real process that is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.gstreamer import has_gstreamer

MODULE = """
import os, pathlib, time
import numpy as np

class Picamera2:
    def __init__(self, number):
        if number:
            raise IndexError("list index out of range")
    def create_video_configuration(self, main, controls):
        assert main["format"] == "RGB888"
        self.size = main["size"]
        return {}
    def configure(self, configuration):
        pass
    def start(self):
        print("libcamera says a lot", flush=True)
        self.left = int(os.environ["FAKE_FRAMES"])
    def capture_array(self, name):
        self.left -= 1
        if self.left < 0:
            time.sleep(3600)
        time.sleep(0.01)
        return np.full((self.size[1], self.size[0], 3), (1, 2, 3), np.uint8)
    def close(self):
        pass
"""


@pytest.fixture
def picamera2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picamera2.py").write_text(MODULE)
    paths = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", paths)
    monkeypatch.setenv("FAKE_FRAMES", "5")


@pytest.mark.usefixtures("picamera2")
def test_a_camera_that_hangs_for_ever_is_started_again(
    start: Callable[..., Capture], wait_for: Any
) -> None:
    capture = start("csi:0", width=64, height=80, deadline_s=0.5)
    status = wait_for(capture, lambda s: s.reconnects >= 2)
    assert status.stalls >= 2 and status.captured + status.overrun >= 10
    frame = capture.slot.take(0)
    assert frame is not None and frame.image.shape == (80, 64, 3)
    assert frame.image[0, 0].tolist() == [1, 2, 3]


@pytest.mark.usefixtures("picamera2")
def test_a_number_without_a_camera_is_said(start: Callable[..., Capture], wait_for: Any) -> None:
    status = wait_for(start("csi:3"), lambda s: s.state == "backoff")
    assert status.reason.startswith("csi:3: cannot be started: list index out of range")


def test_what_to_install_is_said(start: Callable[..., Capture], wait_for: Any) -> None:
    if has_gstreamer():
        pytest.skip("this OpenCV has GStreamer")
    status = wait_for(start("csi:0"), lambda s: s.state == "backoff")
    assert "sudo apt install python3-picamera2" in status.reason
