"""The tables of a gallery. Names and templates stand there sealed, failures by a keyed hash."""

from __future__ import annotations

from edgecnn.errors import GalleryError
from edgecnn_device.database import Schema

SCHEMA = Schema(
    what="gallery",
    application_id=0x65646761,  # "edga"
    migrations=(
        (
            "CREATE TABLE gallery (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL) "
            "STRICT",
            # One row at most: a gallery holds templates of one model.
            "CREATE TABLE models (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, "
            "preprocessing TEXT NOT NULL, size INTEGER NOT NULL) STRICT",
            # AUTOINCREMENT gives no number twice: what was read once is told from what is new.
            "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, uid BLOB NOT NULL UNIQUE, "
            "lookup BLOB NOT NULL UNIQUE, name BLOB NOT NULL, leaving BLOB) STRICT",
            "CREATE TABLE templates (id INTEGER PRIMARY KEY AUTOINCREMENT, "
            "person INTEGER NOT NULL REFERENCES people (id), "
            "model INTEGER NOT NULL REFERENCES models (id), "
            "enrolled INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
            "CREATE INDEX templates_of_person ON templates (person)",
            "CREATE TABLE failures (subject BLOB PRIMARY KEY, count INTEGER NOT NULL, "
            "boot TEXT NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
            "actor TEXT NOT NULL, action TEXT NOT NULL, person INTEGER) STRICT",
        ),
    ),
    journal="wal",
    synchronous="full",
    error=GalleryError,
)
