"""Takes the newest frame of each camera in turn, and none that is older than it may be."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from edgecnn_device.cameras import CameraFrame
from edgecnn_device.kiosk.pipeline.cameras import CameraBook
from edgecnn_device.kiosk.pipeline.metrics import Metrics

_TURN_S = 0.005
"""With several cameras: how long to wait for one before the others are looked at again."""


class FrameSlot(Protocol):
    """What `cameras.Slot` is to its reader."""

    def take(self, timeout_s: float, newer_than: int = -1) -> CameraFrame | None:
        """Return the newest frame if its index is above ``newer_than``; waits for one."""


class Intake:
    """Serves the cameras by turns: one that gives more frames gets no more of the worker."""

    def __init__(
        self, slots: Mapping[str, FrameSlot], books: Mapping[str, CameraBook], staleness_s: float,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        """Begin before the first frame.

        Args:
            slots: by camera.
            books: likewise; take note of every frame.
            staleness_s: seconds; an older frame is dropped.
            metrics: where frames are counted.
        """
        self._slots, self._books, self._staleness_s = slots, books, staleness_s
        self._turns = deque(slots)
        self._last = dict.fromkeys(slots, -1)
        self._hops = {name: metrics.hop(name, "capture") for name in slots}

    def next(self, timeout_s: float) -> CameraFrame | None:
        """Return a frame of the camera whose turn it is; None where none gave one in time."""
        until = time.monotonic() + timeout_s
        while True:
            for _ in range(len(self._turns)):
                name = self._turns[0]
                self._turns.rotate(-1)
                if (frame := self._take(name, 0.0)) is not None:
                    return frame
            left = until - time.monotonic()
            if left <= 0:
                return None
            if (frame := self._wait(left)) is not None:
                return frame

    def stale(self, frame: CameraFrame) -> bool:
        """Tell whether a frame has become too old."""
        return time.monotonic() - frame.captured > self._staleness_s

    def _wait(self, left_s: float) -> CameraFrame | None:
        pause = left_s if len(self._turns) == 1 else min(left_s, _TURN_S)
        begun = time.monotonic()
        frame = self._take(self._turns[0], pause)
        if frame is None:  # the slot of a camera that ended does not wait
            time.sleep(max(0.0, min(pause, _TURN_S) - (time.monotonic() - begun)))
        return frame

    def _take(self, name: str, timeout_s: float) -> CameraFrame | None:
        frame = self._slots[name].take(timeout_s, newer_than=self._last[name])
        if frame is None:
            return None
        hop = self._hops[name]
        given = frame.index - self._last[name]
        self._last[name] = frame.index
        self._books[name].take(frame)
        hop.came(given)
        hop.dropped("replaced", given - 1)
        if self.stale(frame):
            hop.dropped("stale")
            return None
        hop.went()
        hop.took(time.monotonic() - frame.captured)
        return frame
