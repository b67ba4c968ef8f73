"""The event store: durable when an event is acknowledged, and bounded in every direction."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import InputError, StorageError
from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.events import Event, SystemChanged
from edgecnn_device.kiosk.ports import EventQuery, StoredEvent
from edgecnn_device.kiosk.store import queries
from edgecnn_device.kiosk.store.clock import SteadyClock
from edgecnn_device.kiosk.store.connections import Connections
from edgecnn_device.kiosk.store.keeper import Keeper, Sweeper
from edgecnn_device.kiosk.store.ledger import Ledger
from edgecnn_device.kiosk.store.rows import to_row
from edgecnn_device.kiosk.store.spool import Spool
from edgecnn_device.kiosk.store.subscribers import Subscribers, Subscription
from edgecnn_device.kiosk.store.thumbnails import Thumbnails

_log = logging.getLogger(__name__)

_FLUSHED = 100  # events that waited, in one transaction
_MOST = 500


@dataclass(frozen=True)
class StoreStatus:
    """How the store is doing, for health and metrics; all counts are since the start."""

    reason: str
    """Why events are not acknowledged now; empty where they are."""
    waiting: int
    """Events in memory that are not written yet."""
    lost: int
    """Events that were never acknowledged, and never written."""
    unreadable: int
    """Events whose checksum did not hold when they were read."""
    pictures_lost: int
    expired: int
    """Events deleted by their age."""
    expired_undelivered: int
    """Of them, those that a target still owed."""
    removed: int
    """Delivered events deleted for room."""
    bytes: int
    """Of the files."""


class Store:
    """Keeps events; implements `ports.EventLog`. Every call may come from any thread.

    Args:
        folder: of the files.
        config: how much and how long.
        clock: by which events grow old.
        sweep_s: seconds between two looks at what may go.
    """

    def __init__(
        self, folder: Path, config: StorageConfig, clock: SteadyClock, sweep_s: float
    ) -> None:
        self._clock, self._connections = clock, Connections(folder)
        self._thumbnails, self._spool = Thumbnails(self._connections), Spool()
        self._subscribers = Subscribers()
        self._sweeper = Sweeper(self._connections, self._thumbnails, config, clock)
        self._unreadable: set[int] = set()
        self._closed = False
        self.ledger = Ledger(self._connections)
        """What the outbox owes."""
        self._keeper = Keeper(self._connections, self._sweeper, self._flush, self._repair, sweep_s)
        self._checker = threading.Thread(target=self._check, name="store-check", daemon=True)

    @classmethod
    def open(
        cls,
        folder: Path,
        config: StorageConfig,
        clock: SteadyClock | None = None,
        sweep_s: float = 60.0,
    ) -> Store:
        """Open the events of a folder, or begin; damaged files are set aside, and an event says so.

        Raises:
            StorageError: another process has them, they are of a newer version, or they cannot be
                written.
        """
        store = cls(folder, config, clock or SteadyClock(), sweep_s)
        for path in store._connections.set_aside:
            store._tell_set_aside(path)
        store._keeper.start()
        if store._connections.unchecked:
            store._checker.start()
        return store

    def add(self, event: Event, thumbnail: bytes | None = None) -> StoredEvent | None:
        """Store an event; it survives a power cut once this returns it.

        Where it cannot be written now (locked for more than a second, no room, read-only), it waits
        in memory and is written when it can be; subscribers are told then.

        Args:
            event: what happened.
            thumbnail: JPEG; kept of notes alone, and only where retention says so. It may be lost
                to a power cut, and is left out where the event must wait.

        Returns:
            The event with its number; None where it is not acknowledged: a power cut or the end of
            the process may lose it.

        Raises:
            InputError: a number in it is not finite.
        """
        to_row(event)  # what can never be stored must not wait
        if self._spool:
            self._spool.put(event, self._spool.reason or "those before it wait")
            return None
        wanted = event.kind == "note" and self._sweeper.room.config.retention.thumbnails is not None
        try:
            return self._write(event, thumbnail if wanted else None)
        except StorageError as error:
            self._spool.put(event, str(error))
            self._keeper.wake()
            return None

    def find(self, query: EventQuery) -> Sequence[StoredEvent]:
        """Return those that match, the newest first; one that is damaged is left out and counted.

        Raises:
            InputError: the limit is not 1..500.
            StorageError: the database cannot be read.
        """
        if not 1 <= query.limit <= _MOST:
            raise InputError(f"limit: expected 1..{_MOST}, came {query.limit}")
        with self._connections.reading() as database:
            rows = queries.newest(database, query)
        found = queries.readable(rows)
        self._note_unreadable({int(row[0]) for row in rows} - {number for number, _ in found})
        pictures = self._with_picture([event.id for _, event in found])
        return [StoredEvent(number, event, event.id in pictures) for number, event in found]

    def thumbnail(self, sequence: int) -> bytes | None:
        """Return the JPEG kept with an event."""
        with self._connections.reading() as database:
            found = database.first("SELECT id FROM events WHERE sequence = ?", sequence)
        return self._thumbnails.get(found[0]) if found else None

    def has_picture(self, event: Event) -> bool:
        """Return whether a picture is kept with an event."""
        return bool(self._with_picture([event.id]))

    def subscribe(self, size: int = 256) -> Subscription:
        """Be told of every event from now on; ``size`` of them wait for who is slow."""
        return self._subscribers.subscribe(size)

    def configure(self, config: StorageConfig) -> None:
        """Take other limits; they hold from the next sweep."""
        self._sweeper.room.config = config
        self._keeper.wake()

    def status(self) -> StoreStatus:
        """Return how it is doing."""
        return StoreStatus(
            reason=self._spool.reason, waiting=len(self._spool), lost=self._spool.lost,
            unreadable=len(self._unreadable), pictures_lost=self._thumbnails.lost,
            expired=self._sweeper.expired, removed=self._sweeper.room.removed,
            expired_undelivered=self._sweeper.expired_undelivered,
            bytes=self._connections.bytes(),
        )  # fmt: skip

    def close(self) -> None:
        """Write what waits, if that can be done, and end, with all subscriptions."""
        if self._closed:
            return
        self._closed = True
        self._keeper.stop()
        try:
            while not self._flush():
                pass
        except StorageError:
            self._spool.give_up()
        self._subscribers.close()
        self._connections.close()
        if self._checker.is_alive():
            self._checker.join()

    def _write(self, event: Event, thumbnail: bytes | None) -> StoredEvent:
        self._sweeper.room.demand()
        kept = thumbnail is not None and self._thumbnails.put(event, thumbnail)
        with self._connections.durable() as database:
            with database.transaction():
                sequence = queries.insert(database, event)
            stored = StoredEvent(sequence, event, kept)
            self._subscribers.publish(stored)  # here, so that they come in order
        if self._sweeper.room.over():
            self._keeper.wake()
        return stored

    def _flush(self) -> bool:
        """Write some of what waits; returns whether nothing waits any more."""
        if not self._spool:
            return True
        self._sweeper.room.demand()
        with self._connections.durable() as database:
            events = self._spool.oldest(_FLUSHED)
            with database.transaction():
                numbers = [queries.insert(database, event) for event in events]
            for number, event in zip(numbers, events, strict=True):
                self._subscribers.publish(StoredEvent(number, event, False))
            said = self._spool.written(events)
        if said:
            self._tell(said)
        return not self._spool

    def _repair(self) -> bool:
        aside = self._connections.replace()
        if aside:
            self._tell_set_aside(aside)
        return True

    def _check(self) -> None:
        self._connections.check()
        self._keeper.wake()

    def _tell_set_aside(self, path: Path) -> None:
        said = f"a damaged database was set aside as {path.name}, and a new one begun"
        _log.error("%s", said)
        self._tell(said)

    def _tell(self, detail: str) -> None:
        now, synchronized = self._clock.wall(), self._clock.synchronized()
        self.add(Event(SystemChanged("storage", detail), "", now, synchronized))

    def _with_picture(self, ids: list[str]) -> frozenset[str]:
        try:
            return self._thumbnails.among(ids)
        except StorageError:
            return frozenset()  # events are shown without

    def _note_unreadable(self, numbers: set[int]) -> None:
        for number in numbers - self._unreadable:
            _log.error("event %d is damaged and is left out", number)
        if len(self._unreadable) < _MOST:
            self._unreadable |= numbers
