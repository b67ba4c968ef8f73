"""Hands events to the store from a thread of its own, so that a slow disk delays no frame."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edgecnn_device.kiosk.events import Event
from edgecnn_device.kiosk.pipeline.metrics import Metrics

Publish: TypeAlias = Callable[[Event, bytes | None], object]
"""Takes an event and its JPEG; it is kept for good when this returns."""

EVENTS = 1024
"""That wait at most; some 1 MB."""
THUMBNAILS = 32
"""Of them so many have a picture at most; it is dropped where more wait."""
_FIRST_S, _MOST_S = 0.05, 1.0
"""Between attempts to hand over an event that the store does not take."""
_LOG = logging.getLogger("edgecnn.kiosk")


@dataclass(frozen=True)
class _Waiting:
    event: Event
    thumbnail: bytes | None
    since: float


class Publisher:
    """Keeps events in their order and hands over each until it is taken.

    Where `EVENTS` wait, because the store takes nothing for long, what comes next is lost: it is
    counted, logged, and `lost` says how many, for an event of its own once there is room again.
    """

    def __init__(
        self, publish: Publish, metrics: Metrics, told: Callable[[int], Event], most: int = EVENTS
    ) -> None:
        """Prepare; `start` begins.

        Args:
            publish: the store.
            metrics: where events are counted.
            told: makes the event that says that so many were lost.
            most: events that may wait.
        """
        self._publish, self._metrics, self._told, self._most = publish, metrics, told, most
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._lost = 0
        self._failing: str = ""
        self._turn: float | None = None
        self._thread = threading.Thread(target=self._run, name="kiosk publish", daemon=True)

    @property
    def failing(self) -> str:
        """Why the store does not take events; empty where it does."""
        return self._failing

    @property
    def stuck_s(self) -> float:
        """Seconds for which one call to the store has not come back."""
        turn = self._turn
        return 0.0 if turn is None else time.monotonic() - turn

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def put(self, event: Event, thumbnail: bytes | None = None) -> bool:
        """Take an event; never waits. Returns False where it is lost."""
        hop = self._metrics.hop(event.camera, "publish")
        hop.came()
        with self._changed:
            if len(self._queue) >= self._most or self._ended():
                self._lost += 1
                hop.dropped("full")
                _LOG.error("event %s (%s) is lost: %d wait", event.id, event.kind, len(self._queue))
                return False
            if thumbnail is not None and self._pictures() >= THUMBNAILS:
                thumbnail = None
                hop.dropped("thumbnail")
            self._queue.append(_Waiting(event, thumbnail, time.monotonic()))
            self._changed.notify_all()
        return True

    def start(self) -> None:
        """Begin to hand over."""
        self._thread.start()

    def stop(self, within_s: float = 2.0) -> int:
        """Hand over what waits, within some seconds; returns how many could not be."""
        with self._changed:
            self._stop_at = time.monotonic() + within_s
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(within_s + 1.0)
        left = len(self._queue)
        if left:
            _LOG.error("%d events were not stored before the end", left)
        return left

    def _pictures(self) -> int:
        return sum(waiting.thumbnail is not None for waiting in self._queue)

    def _ended(self) -> bool:
        return self._stop_at is not None and time.monotonic() >= self._stop_at

    def _run(self) -> None:
        pause = _FIRST_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stop_at is not None)
                if not self._queue or self._ended():
                    return
                head = self._queue[0]
            if self._hand_over(head):
                pause = _FIRST_S
                continue
            with self._changed:
                self._changed.wait_for(self._ended, pause)
            pause = min(2 * pause, _MOST_S)

    def _hand_over(self, head: _Waiting) -> bool:
        """Try once; returns whether the next one's turn has come."""
        hop = self._metrics.hop(head.event.camera, "publish")
        self._turn = time.monotonic()
        try:
            self._publish(head.event, head.thumbnail)
        except (TypeError, ValueError) as error:  # it will never be taken
            _LOG.error("event %s is refused: %s", head.event.id, type(error).__name__)
            self._next()
            hop.dropped("refused")
            self._note_lost(1)
            return True
        except Exception as error:
            if not self._failing:
                _LOG.warning("events wait, the store takes none: %s", error)
            self._failing = str(error) or type(error).__name__
            return False
        finally:
            self._turn = None
        if self._failing:
            _LOG.info("the store takes events again, %d wait", len(self._queue))
        self._failing = ""
        self._next()
        self._count(head)
        self._note_lost(0)
        return True

    def _next(self) -> None:
        with self._changed:
            self._queue.popleft()

    def _note_lost(self, more: int) -> None:
        """Put the event that says how many are lost, where there is room for it."""
        with self._changed:
            lost = self._lost = self._lost + more
            if not lost or len(self._queue) >= self._most:
                return
            self._lost = 0
            event = self._told(lost)
            self._metrics.hop(event.camera, "publish").came()
            self._queue.append(_Waiting(event, None, time.monotonic()))

    def _count(self, head: _Waiting) -> None:
        waited = time.monotonic() - head.since
        hop = self._metrics.hop(head.event.camera, "publish")
        hop.went()
        hop.took(waited)
        self._metrics.events.labels(head.event.kind).inc()
        if head.event.kind in ("note", "face"):
            self._metrics.event_delay.labels(head.event.kind).observe(head.event.delay_s + waited)
