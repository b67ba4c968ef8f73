"""How each camera is doing, and the newest thing it showed."""

from __future__ import annotations

import threading
import time
from collections import deque

from edgecnn_device.cameras import CameraFrame
from edgecnn_device.kiosk.ports import (
    CameraState,
    CameraStatus,
    LiveFrame,
    SeenFace,
    SeenNote,
)

_SPAN_S = 10.0
"""Over which frames per second are counted."""
_MOST_RATE = 240


class CameraBook:
    """What is known of one camera; written by its thread and the worker, read by anybody."""

    def __init__(self, name: str) -> None:
        """Begin before its first frame."""
        self.name = name
        self._changed = threading.Condition()
        self._state: CameraState = "connecting"
        self._reason = ""
        self._since = self._moved = time.monotonic()
        self._was_live = self._closed = False
        self._captured = self._processed = self._reconnects = 0
        self._times: deque[float] = deque(maxlen=int(_SPAN_S * _MOST_RATE))
        self._frame: CameraFrame | None = None
        self._notes: tuple[SeenNote, ...] = ()
        self._faces: tuple[SeenFace, ...] = ()

    def change(self, state: CameraState, reason: str) -> bool:
        """Take a state; returns whether the camera came back."""
        with self._changed:
            back = state == "live" and self._was_live and self._state != "live"
            if state != self._state:
                self._since = time.monotonic()
            self._state, self._reason = state, reason
            self._was_live |= state == "live"
            self._reconnects += back
            return back

    def take(self, frame: CameraFrame) -> None:
        """Take note of a frame that came, used or not."""
        with self._changed:
            self._captured = max(self._captured, frame.index + 1)

    def show(
        self, frame: CameraFrame, notes: tuple[SeenNote, ...], faces: tuple[SeenFace, ...]
    ) -> None:
        """Show a processed frame to whoever waits for one."""
        with self._changed:
            self._frame, self._notes, self._faces = frame, notes, faces
            self._processed += 1
            self._moved = time.monotonic()
            self._times.append(self._moved)
            self._changed.notify_all()

    def live(self, after: int, timeout_s: float) -> LiveFrame | None:
        """Return the newest processed frame, if its index is above ``after``; waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._newer(after), timeout_s)
            frame = self._frame
            if frame is None or frame.index <= after:
                return None
            age = time.monotonic() - frame.captured
            return LiveFrame(self.name, frame.index, frame.image, self._notes, self._faces, age)

    def status(self) -> CameraStatus:
        """Return how it is doing."""
        with self._changed:
            since = time.monotonic() - _SPAN_S
            rate = sum(at > since for at in self._times) / _SPAN_S
            return CameraStatus(
                self.name, self._state, self._reason, self._captured, self._processed,
                self._captured - self._processed, rate, self._reconnects,
            )  # fmt: skip

    def idle_s(self) -> float:
        """Return how long it should have given a frame and did not; 0 where it need not."""
        with self._changed:
            if self._state in ("backoff", "ended"):
                return 0.0
            return time.monotonic() - max(self._moved, self._since)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _newer(self, index: int) -> bool:
        return self._frame is not None and self._frame.index > index
