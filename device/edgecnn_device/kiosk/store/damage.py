"""Damaged files: found by a check, and set aside under a dated name, never deleted at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, TypeAlias

from edgecnn.errors import StorageError
from edgecnn_device.database import Database, Schema, open_database

Found: TypeAlias = Literal["sound", "damaged", "unfinished"]

_KEPT = 2
"""Damaged files that are kept of each; the oldest go."""

_HIGHEST = 2**53
"""A number of a damaged file above it is no number of an event."""


def check(path: Path, schema: Schema, limit_s: float | None, stop: threading.Event) -> Found:
    """Look at every page of a file (PRAGMA quick_check).

    It finds a page that is not what it should be. A bit flipped within a value is found when the
    row is read, by its checksum.

    Args:
        path: of the file; a missing one is sound.
        schema: what it must be.
        limit_s: give up after so long.
        stop: give up when it is set.

    Raises:
        StorageError: the file cannot be looked at, for another reason than damage.
    """
    if not path.exists():
        return "sound"
    try:
        database = open_database(path, schema, create=True)
        try:
            with _interrupted(database, limit_s, stop):
                whole = database.first("PRAGMA quick_check(1)") == ("ok",)
                return "sound" if whole and _tables(database) == _expected(schema) else "damaged"
        finally:
            database.close()
    except StorageError as error:
        if error.fault not in ("damaged", "interrupted"):
            raise
        return "damaged" if error.fault == "damaged" else "unfinished"


def set_aside(path: Path) -> Path:
    """Rename a database and its journal; returns its new name. Nobody may have it open.

    Raises:
        StorageError: it cannot be renamed.
    """
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.damaged-{moment}{suffix}" for suffix in ("", *map(_dash, range(1, 99))))
    aside = next(new for name in names if not (new := path.with_name(name)).exists())
    try:
        for beside in ("-wal", ""):  # the journal first: a new database must not find it
            if (old := Path(f"{path}{beside}")).exists():
                os.replace(old, f"{aside}{beside}")
        Path(f"{path}-shm").unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: is damaged and cannot be set aside: {error.strerror}"
        ) from error
    for old in _set_aside(path)[:-_KEPT]:
        _remove(old)
    return aside


def remove_old(path: Path, now: float, days: float) -> None:
    """Remove what was set aside longer ago than that: it holds events, whose time is over."""
    for old in _set_aside(path):
        if now - old.stat().st_mtime > days * 86400:
            _remove(old)


def last_sequence(path: Path, schema: Schema) -> int:
    """Return the highest number of an event that can still be read, or 0."""
    try:
        database = open_database(path, schema, create=False)
        try:
            found = database.first(
                "SELECT max(coalesce((SELECT max(sequence) FROM events), 0), sequence) FROM floor"
            )
        finally:
            database.close()
    except StorageError:
        return 0
    return found[0] if found and isinstance(found[0], int) and 0 < found[0] < _HIGHEST else 0


_TABLES = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY sql"


def _tables(database: Database) -> list[tuple[str]]:
    """Return how the tables are defined: a letter flipped there may pass every other check."""
    return [(str(sql),) for (sql,) in database.rows(_TABLES)]


def _expected(schema: Schema) -> list[tuple[str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in schema.migrations:
            for statement in statements:
                connection.execute(statement)
        return connection.execute(_TABLES).fetchall()


@contextmanager
def _interrupted(
    database: Database, limit_s: float | None, stop: threading.Event
) -> Iterator[None]:
    """Interrupt what runs within when its time is over, or ``stop`` is set."""
    done = threading.Event()
    deadline = None if limit_s is None else time.monotonic() + limit_s

    def watch() -> None:
        while not done.wait(0.05):
            if stop.is_set() or (deadline is not None and time.monotonic() > deadline):
                database.interrupt()

    watcher = threading.Thread(target=watch, name="store-check-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _set_aside(path: Path) -> list[Path]:
    """Return the files set aside of one, the oldest first."""
    found = (p for p in path.parent.glob(f"{path.name}.damaged-*") if not p.name.endswith("-wal"))
    return sorted(found, key=lambda p: p.stat().st_mtime)


def _remove(path: Path) -> None:
    for beside in ("", "-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)


_dash: Callable[[int], str] = "-{}".format
