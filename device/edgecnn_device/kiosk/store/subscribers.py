"""Who is told of new events: each by a short queue of its own."""

from __future__ import annotations

import threading
import time
from collections import deque

from edgecnn_device.kiosk.ports import StoredEvent

_QUEUE = 256
"""Events that a reader may be behind."""


class Subscription:
    """The events to come, of one reader; who does not keep up loses the oldest."""

    def __init__(self, owner: Subscribers, size: int) -> None:
        self._owner, self._events = owner, deque[StoredEvent](maxlen=size)
        self._changed, self._closed = threading.Condition(), False
        self.lost = 0
        """Events that were pushed out unread."""

    def next(self, timeout_s: float) -> StoredEvent | None:
        """Return the next event, or None where none came in time or it is closed."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._events and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return self._events.popleft() if self._events and not self._closed else None

    def close(self) -> None:
        """End it; a waiting `next` returns at once."""
        self._owner.remove(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def put(self, event: StoredEvent) -> None:
        """Add an event; never waits."""
        with self._changed:
            self.lost += len(self._events) == self._events.maxlen
            self._events.append(event)
            self._changed.notify()


class Subscribers:
    """All readers."""

    def __init__(self) -> None:
        self._all: set[Subscription] = set()
        self._lock = threading.Lock()

    def subscribe(self, size: int = _QUEUE) -> Subscription:
        """Begin a subscription whose queue holds so many events."""
        subscription = Subscription(self, size)
        with self._lock:
            self._all.add(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a reader."""
        with self._lock:
            self._all.discard(subscription)

    def publish(self, event: StoredEvent) -> None:
        """Tell everybody."""
        with self._lock:
            readers = tuple(self._all)
        for reader in readers:
            reader.put(event)

    def close(self) -> None:
        """End all subscriptions."""
        with self._lock:
            readers = tuple(self._all)
        for reader in readers:
            reader.close()
