"""A real RTSP server, stopped, started and standing still."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from edgecnn_device.cameras import Capture

PATIENCE_S = 90.0
PERIOD_S = 10.0


def _age_s(capture: Capture, last: int) -> tuple[float, int]:
    """Return how old the next picture really is, by what it shows, and its index."""
    frame = capture.slot.take(PATIENCE_S, last)
    assert frame is not None
    assert frame.captured <= time.monotonic()
    made = float(frame.image.mean()) / 255 * PERIOD_S
    return (frame.captured % PERIOD_S - made) % PERIOD_S, frame.index


def test_pictures_are_of_now_also_after_the_server_was_away(
    start: Callable[..., Capture], serve: Any, wait_for: Any
) -> None:
    server = serve()
    capture = start(f"rtsp://127.0.0.1:{server.port}/h264", deadline_s=3)
    age, last = _age_s(capture, -1)
    assert age < 2.5 or age > 9.5  # near the wrap of the clock it shows
    server.stop()
    status = wait_for(capture, lambda s: s.state == "backoff" and "refused" in s.reason)
    assert status.reason.startswith(f"rtsp://127.0.0.1:{server.port}/h264: ")
    wait_for(capture, lambda s: s.state == "backoff")
    last = capture.snapshot().captured  # what came before
    server.start()
    wait_for(capture, lambda s: s.reconnects == 1 and s.captured > last)
    age, _ = _age_s(capture, -1)
    assert age < 2.5 or age > 9.5
    assert capture.snapshot().corrupt.total == 0


def test_a_server_that_stands_still_is_a_stall(
    start: Callable[..., Capture], serve: Any, wait_for: Any
) -> None:
    server = serve()
    capture = start(f"rtsp://127.0.0.1:{server.port}/h264", deadline_s=1.5)
    wait_for(capture, lambda s: s.captured > 2)
    os.kill(server.process.pid, signal.SIGSTOP)
    wait_for(capture, lambda s: s.state != "live")
    os.kill(server.process.pid, signal.SIGCONT)
    wait_for(capture, lambda s: s.state == "live" and s.reconnects >= 1)


def test_motion_jpeg_is_read_too(start: Callable[..., Capture], serve: Any) -> None:
    server = serve()
    capture = start(f"rtsp://127.0.0.1:{server.port}/jpeg")
    frame = capture.slot.take(PATIENCE_S)
    assert frame is not None and frame.image.shape == (240, 320, 3)


def test_a_password_may_hold_anything(start: Callable[..., Capture], serve: Any) -> None:
    server = serve("cashier", "p@ss:w/rd?# %")
    capture = start(f"rtsp://cashier@127.0.0.1:{server.port}/h264", "p@ss:w/rd?# %")
    assert capture.slot.take(PATIENCE_S) is not None


@pytest.mark.parametrize("secret", ["wrong-one", None])
def test_a_refusal_is_said_without_the_password(
    start: Callable[..., Capture], serve: Any, wait_for: Any, secret: str | None,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    server = serve("cashier", "right-one")
    user = "cashier@" if secret else ""
    capture = start(f"rtsp://{user}127.0.0.1:{server.port}/h264", secret)
    status = wait_for(capture, lambda s: s.state == "backoff")
    assert "401" in status.reason
    assert "cashier" not in status.reason and "one" not in status.reason.replace("gone", "")
    assert capfd.readouterr() == ("", "")  # FFmpeg's own words are nowhere


def test_a_stream_that_is_not_there_is_said(
    start: Callable[..., Capture], serve: Any, wait_for: Any
) -> None:
    server = serve()
    capture = start(f"rtsp://127.0.0.1:{server.port}/none")
    assert "404" in wait_for(capture, lambda s: s.state == "backoff").reason
