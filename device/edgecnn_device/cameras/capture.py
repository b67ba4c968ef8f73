"""The thread of one camera: opens it, passes its frames on, and opens it again when it is gone."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from edgecnn.errors import EdgecnnError
from edgecnn_device.cameras.address import RECORDED, parse_address, with_password
from edgecnn_device.cameras.feed import ChildFeed, Faulty, Feed, Opened, Picture
from edgecnn_device.cameras.frame import CameraFrame
from edgecnn_device.cameras.redact import redact, secrets_of
from edgecnn_device.cameras.slot import Slot
from edgecnn_device.cameras.source import Fault, SourceEnded, Wanted
from edgecnn_device.cameras.state import Backoff, Link, State

if TYPE_CHECKING:
    from edgecnn_device.kiosk.config import CameraConfig

OPENING_S = 30.0
"""Added to the deadline of the first frame: a process starts, perhaps on a busy board, and a camera
warms up. What an address answers, or that nobody answers, is known sooner."""
CONNECTING_S = 6.0
"""The same of a network's camera, beside what its link allows for the first picture: FFmpeg may
hang while it opens a stream, whatever its own deadline."""
_TURN_S = 0.2
"""Longest wait without a look at whether it is told to stop."""
_RATE_SPAN_S = 10.0
_LOG = logging.getLogger("edgecnn.cameras")
_LOG.addHandler(logging.NullHandler())  # stderr is the program's, unless it says otherwise

Changed: TypeAlias = Callable[[str, State, str], None]
"""Is told a camera's name, its new state and the reason."""
OpenFeed: TypeAlias = Callable[[Wanted, tuple[str, ...]], Feed]


@dataclass(frozen=True)
class Corrupt:
    """Frames that were of no use, by what was wrong with them."""

    undecodable: int = 0
    empty: int = 0
    shape: int = 0
    """Not (H, W, 3) of bytes, or too large."""
    error: int = 0
    """The reader failed."""

    @property
    def total(self) -> int:
        """Of all causes."""
        return self.undecodable + self.empty + self.shape + self.error


@dataclass(frozen=True)
class CaptureStatus:
    """How a camera is doing; counts are since the thread's start."""

    name: str
    state: State
    reason: str
    """Without credentials; empty where it is live."""
    in_state_s: float
    retry_in_s: float | None
    """In backoff: until the next attempt."""
    captured: int
    """Frames that were put into the slot."""
    replaced: int
    """Of them, those that a newer one replaced before anybody had taken them."""
    overrun: int
    """Frames that were lost before: they came faster than they were passed on."""
    corrupt: Corrupt
    rate: float
    """Captured per second, over the last ten seconds."""
    reconnects: int
    """Times it became live again."""
    stalls: int
    """Times it gave nothing for too long."""


class Capture:
    """Runs one camera until it is closed, or its file is over."""

    def __init__(
        self, name: str, config: CameraConfig, secret: str | None = None,
        on_change: Changed | None = None, open_feed: OpenFeed = ChildFeed,
    ) -> None:  # fmt: skip
        """Prepare; nothing is opened before `start`.

        Args:
            name: in the configuration.
            config: its section.
            secret: what its password file holds.
            on_change: is called by the thread at every change of state.
            open_feed: what reads the source.

        Raises:
            InputError: the source is no address of one, or the password does not belong to it.
        """
        address = with_password(config.source, secret)
        wanted = wanted_of(config, address)
        self._secrets = secrets_of(address, secret)
        self._wanted = wanted
        self.name = name
        kind = parse_address(address).kind
        self._is_stream = kind == "rtsp"
        self.slot = Slot(timeless=kind in RECORDED and not config.paced)
        """Holds the newest frame."""
        self._config = config
        self._on_change = on_change
        self._open = open_feed
        # A camera asked for a frame in a minute is not stalled for giving it.
        self._deadline_s = max(config.deadline_s, 2 / config.rate if config.rate else 0)
        backoff = Backoff(config.backoff_s, config.most_backoff_s)
        self._link = Link(backoff, time.monotonic(), random.random)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._counts = _Counts()
        self._said: tuple[State, str] = ("connecting", "")
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; it does within a second."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; returns whether it came."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def snapshot(self) -> CaptureStatus:
        """Return how it is doing now."""
        now = time.monotonic()
        with self._lock:
            link, counts = self._link, self._counts
            waits = link.state == "backoff"
            return CaptureStatus(
                name=self.name, state=link.state, reason=link.reason, in_state_s=now - link.since,
                retry_in_s=max(0.0, link.retry_at - now) if waits else None,
                captured=counts.captured, replaced=self.slot.replaced,
                overrun=counts.index - counts.captured - counts.corrupt.total,
                corrupt=counts.corrupt, rate=counts.rate(now),
                reconnects=max(0, link.connects - 1), stalls=counts.stalls,
            )  # fmt: skip

    def _run(self) -> None:
        self._tell("connecting", "")
        while not self._stop.is_set():
            try:
                self._watch()
            except SourceEnded as ended:
                self._end(str(ended))
                break
            except EdgecnnError as error:
                self._lose(str(error))
            except Exception as error:  # whatever it is, the camera is tried again
                self._lose(f"{type(error).__name__}: {error}")
            if self._stop.wait(max(0.0, self._link.retry_at - time.monotonic())):
                break
            if self._link.state == "backoff":
                self._change(lambda link, now: link.retry(now))
        self.slot.close()

    def _watch(self) -> None:
        """Open the source and pass on its frames, until it fails or is told to stop."""
        feed = self._open(replace(self._wanted, first_s=self._link.first_s), self._secrets)
        try:
            begun, rate = self._counts.index, 0.0
            last, limit = time.monotonic(), self._deadline_s + self._opening_s()
            due = last
            while not self._stop.is_set():
                given = feed.next(_TURN_S)
                match given:
                    case Opened():
                        rate = given.rate
                    case Faulty():
                        self._spoilt(begun + given.number, given.fault)
                    case Picture():
                        due = self._pace(due, rate)
                        self._pass_on(begun + given.number, given, live=not rate)
                        last, limit = time.monotonic(), self._deadline_s
                if time.monotonic() - last > limit:
                    with self._lock:
                        self._counts.stalls += 1
                    self._lose(f"no frame for {limit:g} s")
                    return
        finally:
            feed.close()

    def _opening_s(self) -> float:
        """Return how much later than others a first frame may come."""
        if not self._is_stream:
            return OPENING_S
        return min(OPENING_S, self._link.first_s + CONNECTING_S)

    def _pace(self, due: float, rate: float) -> float:
        """Wait until a frame of a recording is due; returns when the next one is."""
        if not rate:
            return due
        if not self._config.paced:
            while not self._stop.is_set() and not self.slot.wait_until_taken(_TURN_S):
                pass
            return due
        self._stop.wait(max(0.0, due - time.monotonic()))
        return max(due, time.monotonic() - 1 / rate) + 1 / rate

    def _pass_on(self, number: int, picture: Picture, live: bool) -> None:
        now = time.monotonic()
        captured = min(picture.captured, now) if live else now
        with self._lock:
            self._counts.arrived(number, now)
        if self._link.state != "live":
            self._change(lambda link, at: link.arrived(at))
        else:
            self._link.arrived(now)
        self.slot.put(CameraFrame(self.name, number - 1, picture.image, captured))

    def _spoilt(self, number: int, fault: Fault) -> None:
        with self._lock:
            counts = self._counts
            counts.index = number
            bad = counts.corrupt
            counts.corrupt = replace(bad, **{fault: getattr(bad, fault) + 1})

    def _lose(self, reason: str) -> None:
        self._change(lambda link, now: link.lost(redact(reason, self._secrets), now))

    def _end(self, fault: str) -> None:
        self._change(lambda link, now: link.over(redact(fault, self._secrets), now))

    def _change(self, step: Callable[[Link, float], object]) -> None:
        with self._lock:
            step(self._link, time.monotonic())
            state, reason = self._link.state, self._link.reason
        self._tell(state, reason)

    def _tell(self, state: State, reason: str) -> None:
        # A camera that stays away fills no log: the same reason is worth one line.
        news = state != "connecting" and (state, reason) != self._said
        if news:
            self._said = (state, reason)
        level = (
            logging.DEBUG if not news else (logging.WARNING if state == "backoff" else logging.INFO)
        )
        _LOG.log(level, "camera %s: %s%s", self.name, state, f": {reason}" if reason else "")
        if self._on_change is None:
            return
        try:
            self._on_change(self.name, state, reason)
        except Exception:
            # Without its text, which is not known to be free of secrets.
            _LOG.error("camera %s: whoever was told of its state failed", self.name)


class _Counts:
    """What a thread counts; under its lock."""

    def __init__(self) -> None:
        self.index = 0
        """Of all that the source gave."""
        self.captured = 0
        self.corrupt = Corrupt()
        self.stalls = 0
        self._times: deque[float] = deque(maxlen=4096)

    def arrived(self, index: int, now: float) -> None:
        self.index = index
        self.captured += 1
        self._times.append(now)

    def rate(self, now: float) -> float:
        """Count over span, which bursts do not fool."""
        recent = sum(now - at <= _RATE_SPAN_S for at in self._times)
        span = min(_RATE_SPAN_S, now - self._times[0]) if self._times else 0.0
        return recent / span if span > 0 else 0.0


def wanted_of(config: CameraConfig, address: str) -> Wanted:
    """Return what a source's process has to know.

    Args:
        config: of the camera.
        address: its source, with its password.
    """
    return Wanted(
        source=address, width=config.width, height=config.height, rate=config.rate,
        loop=config.loop, rotate=config.rotate, timeout_s=config.deadline_s,
    )  # fmt: skip
