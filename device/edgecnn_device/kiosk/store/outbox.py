"""Delivers events to targets: at least once, in order per kind, whatever happens in between.

The policy:

- A target has one delivery under way. Events of a kind go in the order of their numbers.
- After a failure it waits, doubling from 1 s to 5 minutes with jitter, and tries the same event
  again, with the same id. Events are owed until they are delivered, over their time (retention),
  or refused.
- A target that refuses an event for good (a webhook that answers 4xx other than 408 and 429, a
  broker that answers PUBACK with an error) is asked 5 times; then the event is set aside for that
  target, counted, and named in the log. Only events of its kind wait meanwhile. The waits do not
  begin anew with the next event, so that a receiver that is set up wrongly and refuses everything
  loses some events an hour, not all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgecnn.errors import StorageError
from edgecnn_device.kiosk.events import Event, Kind
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store.backoff import Backoff
from edgecnn_device.kiosk.store.store import Store
from edgecnn_device.kiosk.store.target import Outcome, Target

_log = logging.getLogger(__name__)

_IDLE_S = 30.0


@dataclass(frozen=True)
class Patience:
    """How long and how often a target is tried."""

    first_s: float = 1.0
    most_s: float = 300.0
    attempts: int = 5
    """Refusals of an event until it is set aside."""


@dataclass(frozen=True)
class TargetStatus:
    """How a target is doing, for health and metrics."""

    name: str
    undelivered: int
    """Events that it owes; at most 100,000 of a kind are counted."""
    oldest_at: float | None
    """Wall time of the oldest of them, seconds since 1970."""
    failing_s: float
    """Since its first failure in a row; 0 while it works."""
    reason: str
    """Of the last failure; empty while it works."""
    delivered: int
    """Since the start."""
    refused: int
    """Events set aside, ever."""


class Outbox:
    """Runs a thread per target.

    Args:
        store: of the events.
        targets: to deliver to; what other targets still owed is forgotten.
        patience: with them.

    Raises:
        StorageError: what is owed cannot be written down.
    """

    def __init__(
        self, store: Store, targets: Sequence[Target], patience: Patience | None = None
    ) -> None:
        self._ledger = store.ledger
        self._ledger.register({target.key: target.kinds for target in targets})
        self._workers = tuple(Worker(store, target, patience or Patience()) for target in targets)
        for worker in self._workers:
            worker.start()

    def undelivered(self) -> int:
        """Return how many events some target has not acknowledged."""
        return self._ledger.undelivered()

    def oldest(self) -> Event | None:
        """Return the oldest of them."""
        return self._ledger.oldest()

    def status(self) -> tuple[TargetStatus, ...]:
        """Return how each target is doing."""
        return tuple(worker.status() for worker in self._workers)

    def close(self) -> None:
        """End all deliveries; what is under way may be delivered once more after the next start."""
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            worker.join(2.0)


@dataclass
class _Kind:
    """Where a target is with events of a kind."""

    done: int
    refusals: int = 0
    """Of the next event, in a row."""
    not_before: float = 0.0
    """Monotonic."""
    backoff: Backoff = field(default_factory=lambda: Backoff(1.0, 1.0))


class Worker(threading.Thread):
    """Delivers to one target."""

    def __init__(self, store: Store, target: Target, patience: Patience) -> None:
        super().__init__(name=f"outbox {target.name}", daemon=True)
        self._store, self._ledger, self._target = store, store.ledger, target
        self._patience = patience
        self._news, self._stop_asked = store.subscribe(1), threading.Event()
        self._backoff = Backoff(patience.first_s, patience.most_s)
        self._not_before, self._failing_since, self._reason = 0.0, 0.0, ""
        self._delivered = 0
        self._kinds = {
            kind: _Kind(done, backoff=Backoff(patience.first_s, patience.most_s))
            for kind, done in self._ledger.done(target.key).items()
        }
        self._unsettled: dict[Kind, int] = {}

    def run(self) -> None:
        """Deliver until `ask_to_stop`."""
        while not self._stop_asked.is_set():
            try:
                wait_s = self._once()
            except StorageError as error:  # the store says so itself
                wait_s = 1.0
                _log.debug("%s: %s", self._target.name, error)
            if wait_s:
                self._news.next(wait_s)

    def ask_to_stop(self) -> None:
        """End soon."""
        self._stop_asked.set()
        self._news.close()
        self._target.close()

    def status(self) -> TargetStatus:
        """Return how it is doing."""
        key, since = self._target.key, self._failing_since
        oldest = self._ledger.oldest(key)
        return TargetStatus(
            name=self._target.name, undelivered=self._ledger.undelivered(key),
            oldest_at=oldest.at if oldest else None,
            failing_s=time.monotonic() - since if since else 0.0, reason=self._reason,
            delivered=self._delivered, refused=self._ledger.refused(key),
        )  # fmt: skip

    def _once(self) -> float:
        """Try the next event; returns how long there is nothing to do."""
        self._settle_late()
        now = time.monotonic()
        if now < self._not_before:
            return self._not_before - now
        due = {kind: state for kind, state in self._kinds.items() if state.not_before <= now}
        found = self._ledger.next((kind, state.done) for kind, state in due.items())
        if found is None:
            later = (s.not_before - now for s in self._kinds.values() if s.not_before > now)
            return min(later, default=_IDLE_S)
        sequence, kind, event = found
        if event is None:  # a flipped bit: nobody can be told of it
            self._settle(kind, sequence)
            return 0.0
        pictured = self._store.has_picture(event)
        self._judge(sequence, event, self._deliver(StoredEvent(sequence, event, pictured)))
        return 0.0

    def _deliver(self, event: StoredEvent) -> Outcome:
        try:
            return self._target.deliver(event)
        except Exception as error:
            # A target must not end its thread: nothing would be delivered until a restart.
            _log.exception("%s failed unexpectedly", self._target.name)
            return Outcome("later", type(error).__name__)

    def _judge(self, sequence: int, event: Event, outcome: Outcome) -> None:
        state = self._kinds[event.kind]
        now = time.monotonic()
        if outcome.is_ == "delivered":
            self._delivered += 1
            self._works(state)
            self._settle(event.kind, sequence)
            return
        if self._stop_asked.is_set():
            return
        self._fails(outcome.reason, now)
        if outcome.is_ == "later":
            self._not_before = now + max(self._backoff.next_s(), outcome.wait_s)
            return
        self._backoff.reset()  # it is there
        state.refusals += 1
        state.not_before = now + state.backoff.next_s()
        if state.refusals >= self._patience.attempts:
            _log.error(
                "%s refused event %s %d times, it is set aside: %s",
                self._target.name, event.id, state.refusals, outcome.reason,
            )  # fmt: skip
            self._settle(event.kind, sequence, refused=1)

    def _works(self, state: _Kind) -> None:
        if self._reason:
            _log.info("%s takes events again", self._target.name)
        self._failing_since, self._reason, state.refusals = 0.0, "", 0
        self._backoff.reset()
        state.backoff.reset()

    def _fails(self, reason: str, now: float) -> None:
        if reason != self._reason:  # not with each attempt
            _log.warning("%s does not take events: %s", self._target.name, reason)
        self._failing_since, self._reason = self._failing_since or now, reason

    def _settle(self, kind: Kind, sequence: int, refused: int = 0) -> None:
        """Go on to the next event, even where that cannot be written down now."""
        state = self._kinds[kind]
        state.done, state.refusals = sequence, 0
        try:
            self._ledger.settle(self._target.key, kind, sequence, refused)
            self._unsettled.pop(kind, None)
        except StorageError:
            self._unsettled[kind] = sequence

    def _settle_late(self) -> None:
        for kind, sequence in tuple(self._unsettled.items()):
            self._settle(kind, sequence)
