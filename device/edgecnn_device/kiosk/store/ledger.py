"""What each target still owes: per kind of event, the number up to which all is settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgecnn_device.database import Database
from edgecnn_device.kiosk.events import KINDS, Event, Kind
from edgecnn_device.kiosk.store.connections import Connections
from edgecnn_device.kiosk.store.queries import first_after
from edgecnn_device.kiosk.store.rows import to_event

_COUNTED = 100_000
"""Undelivered events are counted up to here: health is asked for often."""


class Ledger:
    """Reads and writes the table `outbox`.

    A target is in debt for the events of its kinds above `done`. Since there is one number and no
    row per event, a delivery that was confirmed can never come undone by another, and order within
    a kind is that of the events.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def register(self, targets: Mapping[str, Iterable[Kind]]) -> None:
        """Make these the targets: new ones owe what comes from now on, others are forgotten."""
        wanted = {(target, kind) for target, kinds in targets.items() for kind in kinds}
        with self._connections.durable() as database, database.transaction():
            there = set(database.rows("SELECT target, kind FROM outbox"))
            for pair in there - wanted:
                database.rows("DELETE FROM outbox WHERE target = ? AND kind = ?", *pair)
            last = database.rows("SELECT coalesce(max(sequence), 0) FROM events")[0][0]
            for pair in sorted(wanted - there):
                database.rows("INSERT INTO outbox (target, kind, done) VALUES (?, ?, ?)",
                              *pair, last)  # fmt: skip

    def done(self, target: str) -> dict[Kind, int]:
        """Return up to which number each kind is settled."""
        with self._connections.reading() as database:
            rows = database.rows("SELECT kind, done FROM outbox WHERE target = ?", target)
        return {kind: int(done) for kind, done in rows}

    def next(self, done: Iterable[tuple[Kind, int]]) -> tuple[int, Kind, Event | None] | None:
        """Return the oldest event above the number of its kind; without it where it is damaged."""
        with self._connections.reading() as database:
            row = first_after(database, done)
        return (int(row[0]), row[2], to_event(row)) if row else None

    def settle(self, target: str, kind: Kind, sequence: int, refused: int = 0) -> None:
        """Note that all of a kind is delivered up to a number, or set aside.

        A power cut may undo it; the event is delivered once more then, with the same id.
        """
        with self._connections.lazy() as database:
            database.rows(
                "INSERT INTO outbox VALUES (?, ?, ?, ?) ON CONFLICT (target, kind) DO UPDATE "
                "SET done = max(done, excluded.done), refused = refused + excluded.refused",
                target, kind, sequence, refused,
            )  # fmt: skip

    def refused(self, target: str) -> int:
        """Return how many events a target refused for good, ever."""
        with self._connections.reading() as database:
            found = database.first("SELECT sum(refused) FROM outbox WHERE target = ?", target)
        return int(found[0] or 0) if found else 0

    def undelivered(self, target: str | None = None) -> int:
        """Return how many events one target owes, or any; counts up to 100,000 of a kind."""
        with self._connections.reading() as database:
            pairs = _owed(database, target)
            return sum(_count(database, kind, done) for kind, done in pairs)

    def oldest(self, target: str | None = None) -> Event | None:
        """Return the oldest event that one target owes, or any."""
        with self._connections.reading() as database:
            row = first_after(database, _owed(database, target))
        return to_event(row) if row else None


def settled(database: Database, kind: Kind) -> int | None:
    """Return the number up to which no target owes anything of a kind; None: no target wants it."""
    found = database.first("SELECT min(done) FROM outbox WHERE kind = ?", kind)
    return None if found is None or found[0] is None else int(found[0])


def _owed(database: Database, target: str | None) -> list[tuple[Kind, int]]:
    if target is None:
        each = ((kind, settled(database, kind)) for kind in KINDS)
        return [(kind, done) for kind, done in each if done is not None]
    rows = database.rows("SELECT kind, done FROM outbox WHERE target = ?", target)
    return [(kind, int(done)) for kind, done in rows]


def _count(database: Database, kind: Kind, done: int) -> int:
    sql = "SELECT count(*) FROM (SELECT 1 FROM events WHERE kind = ? AND sequence > ? LIMIT ?)"
    return int(database.rows(sql, kind, done, _COUNTED)[0][0])
