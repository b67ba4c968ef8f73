"""What may go: by age, where the clock can be believed, and by room, what was delivered.

By age. An event goes when its wall time is older than its kind's days. Both clocks must be right
for that: today's (`SteadyClock`), and that of the event. An event from an unsynchronized clock, or
from the future, goes with the first later one of its kind that is old enough: it was there before.
Age counts whether it was delivered or not: what somebody was promised to be deleted is deleted.

By room. The oldest pictures go first, then, over the quota alone, the oldest events that no target
owes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgecnn_device.database import Database
from edgecnn_device.kiosk.events import KINDS, Kind
from edgecnn_device.kiosk.store.ledger import settled

BATCH = 100
"""Rows deleted in one transaction: a writer waits for no more."""

_DAY_S = 86400.0
_AHEAD_S = _DAY_S  # a clock may be corrected by so much


@dataclass(frozen=True)
class Removed:
    """What one batch took away."""

    ids: tuple[str, ...]
    undelivered: int
    """Of them, so many that a target still owed."""


def remove_expired(
    database: Database, table: Literal["events", "thumbnails"], kind: Kind, now: float, days: float
) -> Removed:
    """Delete the oldest that are over their time, a batch at most.

    Args:
        database: of the table.
        table: which.
        kind: of event.
        now: seconds since 1970, by a clock that can be believed.
        days: how long they are kept.
    """
    until, ahead = now - days * _DAY_S, now + _AHEAD_S
    dated = database.rows(
        f"SELECT sequence, at FROM {table} WHERE kind = ? AND synchronized AND at <= ? "
        "ORDER BY sequence LIMIT ?", kind, ahead, BATCH,
    )  # fmt: skip
    last = max((sequence for sequence, at in dated if at < until), default=None)
    if last is None:
        return Removed((), 0)
    rows = database.rows(
        f"SELECT sequence, id FROM {table} WHERE kind = ? AND sequence <= ? "
        "AND (at < ? OR NOT synchronized OR at > ?) ORDER BY sequence LIMIT ?",
        kind, last, until, ahead, BATCH,
    )  # fmt: skip
    return _remove(database, table, kind, rows)


def remove_delivered(database: Database) -> Removed:
    """Delete the oldest events that no target owes, a batch at most; of all kinds together."""
    candidates: list[tuple[int, str]] = []
    for kind in KINDS:
        done = settled(database, kind)
        candidates += database.rows(
            "SELECT sequence, id FROM events WHERE kind = ? AND sequence <= ? "
            "ORDER BY sequence LIMIT ?", kind, 2**62 if done is None else done, BATCH,
        )  # fmt: skip
    return _remove(database, "events", None, sorted(candidates)[:BATCH])


def _remove(
    database: Database, table: str, kind: Kind | None, rows: list[tuple[int, str]]
) -> Removed:
    if not rows:
        return Removed((), 0)
    with database.transaction():
        done = settled(database, kind) if kind and table == "events" else None
        for sequence, _ in rows:
            database.rows(f"DELETE FROM {table} WHERE sequence = ?", sequence)
        if table == "events":
            database.rows("UPDATE floor SET sequence = max(sequence, ?)", rows[-1][0])
    owed = 0 if done is None else sum(sequence > done for sequence, _ in rows)
    return Removed(tuple(id for _, id in rows), owed)
