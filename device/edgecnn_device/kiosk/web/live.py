"""The live view: one thread per camera that somebody looks at, and one picture for all who look.

A viewer who is slow skips pictures; it delays neither the others nor the camera.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.ports import LiveFrame
from edgecnn_device.kiosk.web.errors import busy
from edgecnn_device.kiosk.web.render import encode

_WAIT_S = 0.5
"""For a frame; so long a thread may need to notice that it shall end."""
_LINGER_S = 3.0
"""After the last viewer, so that one who asks for a snapshot every second starts no new thread."""

_log = logging.getLogger(__name__)

Source = Callable[[str, int, float], LiveFrame | None]
"""`Kiosk.live`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame, and its JPEG of each kind that somebody wanted."""

    number: int
    """Rises with each; not the frame's own index."""
    frame: LiveFrame
    taken: float
    """Seconds of `time.monotonic`, by the frame's age."""
    jpegs: dict[bool, bytes] = field(default_factory=dict)
    """By whether boxes are drawn."""

    @property
    def age_s(self) -> float:
        """Since its capture, by now."""
        return time.monotonic() - self.taken


class Viewer:
    """Somebody who looks at a camera; lives in the event loop it was made in."""

    def __init__(self, pump: _Pump, boxes: bool) -> None:
        self.boxes = boxes
        self._pump, self._seen = pump, 0
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()

    async def next(self, timeout_s: float) -> Picture | None:
        """Return the newest picture, once it is newer than the last; None where none came.

        Raises:
            StreamEnded: the server is being stopped.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._news.clear()
            if self._pump.ended:
                raise StreamEnded
            picture = self._pump.picture
            if picture and picture.number > self._seen and self.boxes in picture.jpegs:
                self._seen = picture.number
                return picture
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), left_s)

    def wake(self) -> None:
        """Have it look again; from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop ended
            self._loop.call_soon_threadsafe(self._news.set)


class StreamEnded(Exception):
    """The server is being stopped."""


class LiveHub:
    """Who looks at which camera.

    Args:
        source: gives frames.
        rate: pictures per second, at most.
        width: of a picture, pixels, at most.
        most: viewers at once.
    """

    def __init__(self, source: Source, rate: float, width: int, most: int) -> None:
        self._source, self._rate, self._width, self._most = source, rate, width, most
        self._lock = threading.Lock()
        self._pumps: dict[str, _Pump] = {}
        self._closed = False

    @asynccontextmanager
    async def viewer(self, camera: str, boxes: bool) -> AsyncIterator[Viewer]:
        """Look at a camera, which must exist.

        Raises:
            ApiError: 503, as many as may are looking.
        """
        pump, viewer = self._enter(camera, boxes)
        try:
            yield viewer
        finally:
            with self._lock:
                pump.viewers.discard(viewer)

    def count(self) -> int:
        """Return how many are looking."""
        with self._lock:
            return sum(len(pump.viewers) for pump in self._pumps.values())

    def close(self) -> None:
        """End all streams; the threads end within half a second."""
        with self._lock:
            self._closed = True
            pumps = list(self._pumps.values())
        for pump in pumps:
            pump.end()

    def reopen(self) -> None:
        """Take viewers again, where the app is served anew."""
        with self._lock:
            self._closed = False

    def _enter(self, camera: str, boxes: bool) -> tuple[_Pump, Viewer]:
        with self._lock:
            if self._closed:
                raise busy("the kiosk is being stopped", "stopping")
            if sum(len(pump.viewers) for pump in self._pumps.values()) >= self._most:
                raise busy(f"{self._most} are looking already (web.viewers)", "viewers", 5)
            pump = self._pumps.get(camera)
            if pump is None or pump.ended:
                pump = _Pump(self, camera)
                self._pumps[camera] = pump
                pump.start()
            viewer = Viewer(pump, boxes)
            pump.viewers.add(viewer)
            pump.idle_since = time.monotonic()
        return pump, viewer

    def _leave(self, pump: _Pump) -> bool:
        """Take a pump out that nobody has needed for a while; tells whether that is so."""
        with self._lock:
            if pump.viewers or time.monotonic() - pump.idle_since < _LINGER_S:
                return False
            self._pumps.pop(pump.camera, None)
            pump.ended = True
            return True


class _Pump(threading.Thread):
    """Takes frames of a camera and encodes them for those who look."""

    def __init__(self, hub: LiveHub, camera: str) -> None:
        super().__init__(name=f"kiosk-live-{camera}", daemon=True)
        self.camera, self.viewers, self.idle_since = camera, set[Viewer](), time.monotonic()
        self.picture: Picture | None = None
        self.ended = False
        self._hub, self._stop_now = hub, threading.Event()

    def end(self) -> None:
        self.ended = True
        self._stop_now.set()
        self._wake()

    def run(self) -> None:
        try:
            self._pump()
        except EdgecnnError as error:  # the camera left the configuration
            _log.warning("the live view of %s ends: %s", self.camera, error)
        finally:
            self.ended = True  # the next viewer starts another
            self._wake()

    def _pump(self) -> None:
        after, due = -1, time.monotonic()
        while not self._stop_now.wait(max(0.0, due - time.monotonic())):
            wanted = self._wanted()
            if not wanted:
                if self._hub._leave(self):
                    return
                due = time.monotonic() + 0.05
                continue
            frame = self._hub._source(self.camera, after, _WAIT_S)
            if frame is not None:
                now = time.monotonic()
                after, due = frame.index, max(due + 1 / self._hub._rate, now)
                self._show(frame, now - frame.age_s, wanted)
            elif self.picture and not wanted <= self.picture.jpegs.keys():
                # The camera is away, and somebody wants the last picture of the other kind.
                self._show(self.picture.frame, self.picture.taken, wanted)

    def _show(self, frame: LiveFrame, taken: float, wanted: set[bool]) -> None:
        jpegs = {boxes: encode(frame, self._hub._width, boxes) for boxes in wanted}
        number = self.picture.number + 1 if self.picture else 1
        self.picture = Picture(number, frame, taken, jpegs)
        self._wake()

    def _wanted(self) -> set[bool]:
        with self._hub._lock:
            wanted = {viewer.boxes for viewer in self.viewers}
            if wanted:
                self.idle_since = time.monotonic()
        return wanted

    def _wake(self) -> None:
        with self._hub._lock:
            viewers = list(self.viewers)
        for viewer in viewers:
            viewer.wake()
