"""Between a camera and whoever looks at it: one frame, the newest."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from edgecnn_device.cameras.frame import CameraFrame


class Slot:
    """Holds the newest frame, for any number of readers; nothing is copied."""

    def __init__(self, timeless: bool = False) -> None:
        """Begin empty.

        Args:
            timeless: frames have no time of their own (a file that is played as fast as it is
                taken): each counts as captured when it is first taken.
        """
        self._timeless = timeless
        self._changed = threading.Condition()
        self._frame: CameraFrame | None = None
        self._taken = True
        self._closed = False
        self._replaced = 0

    @property
    def replaced(self) -> int:
        """Frames that a newer one replaced before anybody had taken them."""
        return self._replaced

    def put(self, frame: CameraFrame) -> None:
        """Replace the frame."""
        with self._changed:
            self._replaced += not self._taken
            self._frame, self._taken = frame, False
            self._changed.notify_all()

    def take(self, timeout_s: float, newer_than: int = -1) -> CameraFrame | None:
        """Return the newest frame, waiting for one; None where none came in time.

        Args:
            timeout_s: 0 not to wait.
            newer_than: only a frame with a larger index will do; each reader gives the last it had.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._newer(newer_than), timeout_s)
            frame = self._frame
            if frame is None or frame.index <= newer_than:
                return None
            if not self._taken:
                if self._timeless:
                    frame = self._frame = replace(frame, captured=time.monotonic())
                self._taken = True
                self._changed.notify_all()
            return frame

    def wait_until_taken(self, timeout_s: float) -> bool:
        """Wait until somebody has taken the frame; returns whether somebody has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._taken, timeout_s)

    def close(self) -> None:
        """Let nobody wait any longer; the last frame can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _newer(self, index: int) -> bool:
        return self._frame is not None and self._frame.index > index
