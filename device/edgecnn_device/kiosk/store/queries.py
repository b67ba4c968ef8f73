"""What is asked of the event database, by indexes alone."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from edgecnn_device.database import Database
from edgecnn_device.kiosk.events import Event, Kind
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store.rows import COLUMNS, to_event, to_row

_NEXT = "SELECT 1 + max(coalesce((SELECT max(sequence) FROM events), 0), sequence) FROM floor"
_END = 2**62


def insert(database: Database, event: Event) -> int:
    """Write an event and return its number; that of an earlier try, where it is there already.

    It belongs into a transaction.
    """
    row = to_row(event)
    # A commit that failed may have been done all the same; trying again must not store it twice.
    there = database.first("SELECT sequence FROM events WHERE id = ?", event.id)
    if there:
        return int(there[0])
    sequence = int(database.rows(_NEXT)[0][0])
    database.rows(f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  sequence, *row)  # fmt: skip
    return sequence


def newest(database: Database, query: EventQuery) -> list[tuple[Any, ...]]:
    """Return the rows that match, the newest first."""
    before, limit = _END if query.before is None else query.before, query.limit
    if query.camera is not None:
        kinds = query.kinds or ("note", "face", "camera", "system")
        marks = ", ".join("?" * len(kinds))
        return _select(
            database, f"camera = ? AND sequence < ? AND +kind IN ({marks})", limit,
            query.camera, before, *kinds,
        )  # fmt: skip
    if not query.kinds:
        return _select(database, "sequence < ?", limit, before)
    # SQLite would sort all events of these kinds to find the newest.
    each = [_select(database, "kind = ? AND sequence < ?", limit, kind, before)
            for kind in sorted(set(query.kinds))]  # fmt: skip
    merged = heapq.merge(*each, key=lambda row: -row[0])
    return [row for row, _ in zip(merged, range(limit), strict=False)]


def first_after(database: Database, done: Iterable[tuple[Kind, int]]) -> tuple[Any, ...] | None:
    """Return the oldest row that is above the number of its kind."""
    sql = (f"SELECT {COLUMNS} FROM events WHERE kind = ? AND sequence > ? "
           "ORDER BY sequence LIMIT 1")  # fmt: skip
    rows = [row for kind, sequence in done if (row := database.first(sql, kind, sequence))]
    return min(rows, key=lambda row: int(row[0]), default=None)


def readable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[int, Event]]:
    """Return numbers and events; rows whose checksum does not hold are left out."""
    return [(int(row[0]), event) for row in rows if (event := to_event(row))]


def _select(database: Database, where: str, limit: int, *values: Any) -> list[tuple[Any, ...]]:
    sql = f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY sequence DESC LIMIT ?"
    return database.rows(sql, *values, limit)
