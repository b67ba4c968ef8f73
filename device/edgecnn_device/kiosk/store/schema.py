"""The tables of the event database, and of the pictures beside it."""

from __future__ import annotations

from dataclasses import replace

from edgecnn_device.database import Schema

BUSY_S = 1.0
"""How long an event waits for a foreign lock before it is kept in memory instead."""

EVENTS = Schema(
    what="event database",
    application_id=0x65646576,  # "edev"
    migrations=(
        (
            # Numbers are given by the store, not by AUTOINCREMENT: that would write one page more
            # with each event. `floor` is the highest that was ever deleted.
            "CREATE TABLE events (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
            "kind TEXT NOT NULL, camera TEXT NOT NULL, at REAL NOT NULL, "
            "synchronized INTEGER NOT NULL, delay_s REAL NOT NULL, body TEXT NOT NULL, "
            "crc INTEGER NOT NULL) STRICT",
            "CREATE INDEX events_of_kind ON events (kind, sequence)",
            "CREATE INDEX events_of_camera ON events (camera, sequence)",
            "CREATE TABLE floor (one INTEGER PRIMARY KEY CHECK (one = 1), "
            "sequence INTEGER NOT NULL) STRICT",
            "INSERT INTO floor VALUES (1, 0)",
            # What a target owes are the events of a kind above `done`: storing an event writes
            # nothing here, and a kind's order cannot be broken.
            "CREATE TABLE outbox (target TEXT NOT NULL, kind TEXT NOT NULL, "
            "done INTEGER NOT NULL, refused INTEGER NOT NULL DEFAULT 0, "
            "PRIMARY KEY (target, kind)) STRICT, WITHOUT ROWID",
        ),
    ),
    journal="wal",
    synchronous="full",
    busy_s=BUSY_S,
    shrinks=True,
)

EVENTS_LAZY = replace(EVENTS, synchronous="normal")
"""For what a power cut may undo: deletions, and marks of what was delivered."""

THUMBNAILS = Schema(
    what="picture database",
    application_id=0x65647468,  # "edth"
    migrations=(
        (
            # By the id of the event: its number may be that of another one in a new database.
            "CREATE TABLE thumbnails (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
            "kind TEXT NOT NULL, at REAL NOT NULL, synchronized INTEGER NOT NULL, "
            "jpeg BLOB NOT NULL) STRICT",
        ),
    ),
    journal="wal",
    synchronous="normal",
    busy_s=BUSY_S,
    shrinks=True,
)
"""A file of its own, so that what must be on the disk at once stays small."""
