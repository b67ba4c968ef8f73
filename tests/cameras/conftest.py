"""Cameras under test are always ended, and the RTSP server is a real one."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn_device.cameras import Capture, CaptureStatus
from edgecnn_device.cameras.feed import ChildFeed
from edgecnn_device.kiosk.config import CameraConfig

PATIENCE_S = 90.0
"""A busy machine starts a process slowly; nothing here measures how fast."""
DEBIAN_PYTHON = "/usr/bin/python3"
PARTS = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"

Start = Callable[..., Capture]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a camera of some configuration, and ends it after the test."""
    running: list[Capture] = []

    def begin(source: str, secret: str | None = None, **options: object) -> Capture:
        given = {k: options.pop(k) for k in ("on_change", "open_feed") if k in options}
        config = CameraConfig.model_validate(
            {"source": source, "backoff_s": 0.05, "most_backoff_s": 0.5, **options}
        )
        capture = Capture("door", config, secret, **given)  # type: ignore[arg-type]
        running.append(capture)
        capture.start()
        return capture

    yield begin
    for capture in running:
        capture.stop()
    assert all([capture.join(PATIENCE_S) for capture in running])


@pytest.fixture
def wait_for() -> Callable[..., CaptureStatus]:
    """Waits until a camera's status is as asked."""

    def wait(capture: Capture, wanted: Callable[[CaptureStatus], bool]) -> CaptureStatus:
        end = time.monotonic() + PATIENCE_S
        while not wanted(status := capture.snapshot()):
            assert time.monotonic() < end, status
            time.sleep(0.02)
        return status

    return wait


@pytest.fixture
def all_frames() -> Callable[[Capture], list[NDArray[np.uint8]]]:
    """Takes every frame of a file that is played as fast as it is taken."""

    def take(capture: Capture) -> list[NDArray[np.uint8]]:
        images: list[NDArray[np.uint8]] = []
        last, end = -1, time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            frame = capture.slot.take(0.1, last)
            if frame is None:
                if capture.snapshot().state in {"ended", "backoff"}:
                    return images
                continue
            images.append(frame.image)
            last = frame.index
        raise AssertionError(capture.snapshot())

    return take


@pytest.fixture
def quick_feed() -> Iterator[Callable[..., ChildFeed]]:
    """Opens a source's process without a thread, and ends it after the test."""
    feeds: list[ChildFeed] = []

    def opened(*given: object) -> ChildFeed:
        feeds.append(ChildFeed(*given))  # type: ignore[arg-type]
        return feeds[-1]

    yield opened
    for feed in feeds:
        feed.close()


@pytest.fixture
def avi(tmp_path: Path) -> Callable[..., Path]:
    """Writes a motion JPEG whose frames are grey, each by 10 lighter than the last."""

    def write(frames: int = 8, name: str = "film.avi", rate: float = 25.0) -> Path:
        path = tmp_path / name
        code = cv2.VideoWriter.fourcc(*"MJPG")
        writer = cv2.VideoWriter(str(path), code, rate, (64, 48))
        for index in range(frames):
            writer.write(np.full((48, 64, 3), (20 + 10 * index) % 256, np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """The RTSP server of `rtsp_server.py`, on one port for the whole test."""

    def __init__(self, port: int, *user: str) -> None:
        self.port = port
        self._command = [DEBIAN_PYTHON, str(Path(__file__).with_name("rtsp_server.py")), str(port)]
        self._user = user
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self._command, *self._user], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def serve(free_port: int) -> Iterator[Callable[..., Server]]:
    """Starts the server; skips where Debian's parts are missing."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        done = subprocess.run([DEBIAN_PYTHON, "-c", check], capture_output=True, check=False)
    except OSError:
        pytest.skip(f"no {DEBIAN_PYTHON}: needs Debian's packages {PARTS}")
    if done.returncode:
        pytest.skip(f"no RTSP server: apt-get install {PARTS}")
    servers: list[Server] = []

    def begin(*user: str) -> Server:
        servers.append(Server(free_port, *user))
        servers[-1].start()
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()
