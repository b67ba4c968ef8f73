"""Events as they happen: one thread reads them for all who listen, each with a bounded queue."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.ports import EventLog, EventQuery, StoredEvent, Subscription
from edgecnn_device.kiosk.web.errors import busy

MOST_LISTENERS = 64
MOST_CAUGHT_UP = 1000
"""Events that a client gets afterwards; of older ones it is told that they were left out."""
_QUEUE = 256
_WAIT_S = 0.5
_PAGE = 500
_log = logging.getLogger(__name__)


class Listener:
    """Somebody who is told of events; lives in the event loop it was made in."""

    def __init__(self) -> None:
        self.too_slow = False
        """Whether events were lost because the queue was full: there is no more after that."""
        self.ended = False
        self._queue: deque[StoredEvent] = deque()
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()

    async def next(self, timeout_s: float) -> StoredEvent | None:
        """Return the next event, or None where none came in time, or none will come."""
        if not self._queue and not self.ended and not self.too_slow:
            self._news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout_s)
        return self._queue.popleft() if self._queue and not self.too_slow else None

    def put(self, event: StoredEvent) -> None:
        """Tell of an event; from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop ended
            self._loop.call_soon_threadsafe(self._put, event)

    def end(self) -> None:
        """Tell that the server is being stopped; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _put(self, event: StoredEvent) -> None:
        if len(self._queue) >= _QUEUE:
            self.too_slow = True
            self._queue.clear()
        else:
            self._queue.append(event)
        self._news.set()

    def _end(self) -> None:
        self.ended = True
        self._news.set()


class Feed:
    """Who listens. The thread runs only while somebody does."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """Be told of the events from now on.

        Raises:
            ApiError: 503, as many as may are listening.
        """
        listener = Listener()
        with self._lock:
            if self._closed:
                raise busy("the kiosk is being stopped", "stopping")
            if len(self._listeners) >= MOST_LISTENERS:
                raise busy(f"{MOST_LISTENERS} are listening already", "listeners", 5)
            self._listeners.add(listener)
            if self._thread is None:
                # Subscribed here: what happens from now on is not missed.
                subscription = self._log.subscribe()
                self._thread = threading.Thread(
                    target=self._run, args=(subscription,), name="kiosk-events", daemon=True
                )
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def close(self) -> None:
        """End it for all who listen; the thread ends within half a second."""
        with self._lock:
            self._closed = True
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.end()

    def reopen(self) -> None:
        """Take listeners again, where the app is served anew."""
        with self._lock:
            self._closed = False

    def _run(self, subscription: Subscription) -> None:
        try:
            self._tell(subscription)
        except EdgecnnError as error:
            _log.error("live events end, clients have to come again: %s", error)
            with self._lock:
                self._thread = None
                listeners = tuple(self._listeners)
            for listener in listeners:
                listener.end()
        finally:
            subscription.close()

    def _tell(self, subscription: Subscription) -> None:
        last: int | None = None
        while (listeners := self._those_left()) is not None:
            event = subscription.next(_WAIT_S)
            if event is None:
                continue
            told: tuple[StoredEvent, ...] = (event,)
            if last is not None and event.sequence > last + 1:  # the subscription lost some
                told = (*newer_than(self._log, last, event.sequence)[0], event)
            for one in told:
                for listener in listeners:
                    listener.put(one)
            last = event.sequence

    def _those_left(self) -> tuple[Listener, ...] | None:
        with self._lock:
            if self._listeners and not self._closed:
                return tuple(self._listeners)
            self._thread = None
            return None


def newer_than(
    log: EventLog, sequence: int, before: int | None = None
) -> tuple[tuple[StoredEvent, ...], int]:
    """Return the events after a number, the oldest first.

    Args:
        log: the stored events.
        sequence: of the last event that is known.
        before: of the first later one that is known.

    Returns:
        At most `MOST_CAUGHT_UP` of them, the newest; and the number after which they begin, which
        is ``sequence`` unless older ones were left out.
    """
    found: list[StoredEvent] = []
    while len(found) <= MOST_CAUGHT_UP:
        page = log.find(EventQuery(before=before, limit=_PAGE))
        newer = [event for event in page if event.sequence > sequence]
        found += newer
        if len(newer) < _PAGE:
            break
        before = newer[-1].sequence
    if len(found) > MOST_CAUGHT_UP:
        found = found[:MOST_CAUGHT_UP]
        sequence = found[-1].sequence - 1
    return tuple(reversed(found)), sequence
