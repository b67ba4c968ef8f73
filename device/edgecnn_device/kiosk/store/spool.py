"""Events that could not be written yet, in memory; nobody was told that they are stored."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from edgecnn_device.kiosk.events import Event

_log = logging.getLogger(__name__)

_MOST = 1000


class Spool:
    """A short queue; when it is full the oldest is lost, and counted."""

    def __init__(self, most: int = _MOST) -> None:
        self._events: deque[Event] = deque()
        self._most, self._lock = most, threading.Lock()
        self._since = 0.0
        self._late = self._lost_now = 0
        self.reason = ""
        """Why events wait; empty while none does."""
        self.lost = 0
        """Events that were never written."""

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event, reason: str) -> None:
        """Let an event wait."""
        with self._lock:
            if not self.reason:
                self._since, self._late, self._lost_now = time.monotonic(), 0, 0
                _log.warning("events wait in memory and are not acknowledged: %s", reason)
            self.reason = reason
            self._events.append(event)
            if len(self._events) > self._most:
                self._events.popleft()
                self.lost += 1
                self._lost_now += 1

    def oldest(self, most: int) -> list[Event]:
        """Return the oldest, which stay."""
        with self._lock:
            return [event for event, _ in zip(self._events, range(most), strict=False)]

    def written(self, events: list[Event]) -> str:
        """Take out what was written; returns what happened, once nothing waits any more."""
        with self._lock:
            done = {event.id for event in events}
            while self._events and self._events[0].id in done:
                self._events.popleft()
            self._late += len(events)
            if self._events:
                return ""
            said = (
                f"{self._late} events waited up to {time.monotonic() - self._since:.0f} s in "
                f"memory, {self._lost_now} were lost: {self.reason}"
            )
            self.reason = ""
        _log.warning("%s", said)
        return said

    def give_up(self) -> None:
        """Say what is lost with the process."""
        with self._lock:
            if self._events:
                self.lost += len(self._events)
                _log.error("%d events were never written: %s", len(self._events), self.reason)
                self._events.clear()
