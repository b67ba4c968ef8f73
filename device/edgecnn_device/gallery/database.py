"""Opens the SQLite files of a gallery: strictly, in one manner, with plain errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgecnn.errors import GalleryError

_BUSY_S = 10.0
"""How long a writer waits for another."""

_OLDEST = (3, 37)
"""The first SQLite with STRICT tables."""

_REASONS = (
    ("readonly", "is read-only: it can be read, but nothing can be enrolled, deleted or counted"),
    ("disk is full", "no space left: nothing was written; make room and repeat"),
    ("disk I/O", "cannot be read or written: check the disk"),
    ("locked", f"another process is writing for more than {_BUSY_S:.0f} s: repeat later"),
    ("not a database", "is not an SQLite file: give another path"),
    ("malformed", "is damaged: restore it from a backup"),
)
"""By a part of SQLite's message; error codes came with Python 3.11 only."""


@dataclass(frozen=True)
class Schema:
    """What a file must be."""

    what: str
    """For messages."""
    application_id: int
    """In the header of the file; see SQLite's file format, section 1.3."""
    migrations: tuple[tuple[str, ...], ...]
    """Statements that lead from version i to i + 1; the first from an empty file."""
    journal: Literal["wal", "delete"]
    synchronous: Literal["full", "extra"]


class Database:
    """A connection whose errors are `GalleryError`; for one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, writable: bool) -> None:
        self.path, self.writable = path, writable
        self._connection = connection

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        with plain_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Run one statement and yield row after row."""
        with plain_errors(self.path):
            yield from self._connection.execute(sql, values)

    def first(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Run one statement and return its first row, if any."""
        return next(iter(self.rows(sql, *values)), None)

    @contextmanager
    def transaction(self, write: bool = True) -> Iterator[None]:
        """Commit what is done within, or undo all of it."""
        self.rows("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    def version(self) -> int:
        """Return a number that differs once another connection has committed."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._connection.close()


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into what came and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        reason = next((text for part, text in _REASONS if part in said), said)
        raise GalleryError(f"{path}: {reason}") from error


def open_database(path: Path, schema: Schema, create: bool) -> Database:
    """Open a file, bring it to this version, or make it.

    Args:
        path: of the file; SQLite keeps its journal beside it.
        schema: what it must be.
        create: make it where there is none; the owner alone may read it.

    Raises:
        GalleryError: it is missing, is something else, was written by a newer version, or
            cannot be opened. The file is as it was.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise GalleryError(f"SQLite 3.37 or newer is needed, this is {sqlite3.sqlite_version}")
    if create and not path.exists():
        _touch(path)
    if not path.is_file():
        raise GalleryError(f"{path}: no {schema.what} is there: check the path, or create one")
    with plain_errors(path):
        database = _connect(path)
    try:
        _bring_to_version(database, schema, create)
        for pragma in ("secure_delete = ON", "foreign_keys = ON",
                       f"synchronous = {schema.synchronous}"):  # fmt: skip
            database.rows(f"PRAGMA {pragma}")
    except BaseException:
        database.close()
        raise
    return database


def _touch(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise GalleryError(f"{path}: cannot be made: {error.strerror}") from error


def _connect(path: Path) -> Database:
    uri = path.resolve().as_uri()
    connection = _connection(f"{uri}?mode=rw")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        connection.close()
        unwritable = any(part in str(error) for part in ("unable to open", "readonly"))
        if not unwritable or path.with_name(f"{path.name}-wal").exists():
            raise
        # A WAL file needs an index beside it, which nobody can make on a read-only medium.
        return Database(path, _connection(f"{uri}?mode=ro&immutable=1"), writable=False)
    return Database(path, connection, writable=os.access(path, os.W_OK))


def _connection(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    # A flipped bit in a text must spoil that text, not the whole query.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _bring_to_version(database: Database, schema: Schema, create: bool) -> None:
    """Check what the file is; run the migrations that it lacks, all or none."""
    version = _version(database, schema, create)
    if version == len(schema.migrations):
        return
    if version == 0:
        database.rows(f"PRAGMA journal_mode = {schema.journal}")
    with database.transaction():
        # Another process may have been faster.
        for statements in schema.migrations[_version(database, schema, create) :]:
            for statement in statements:
                database.rows(statement)
        database.rows(f"PRAGMA application_id = {schema.application_id}")
        database.rows(f"PRAGMA user_version = {len(schema.migrations)}")


def _version(database: Database, schema: Schema, create: bool) -> int:
    application = database.rows("PRAGMA application_id")[0][0]
    version = int(database.rows("PRAGMA user_version")[0][0])
    tables = database.rows("SELECT count(*) FROM sqlite_master")[0][0]
    if application == version == tables == 0:
        if create:
            return 0
        raise GalleryError(f"{database.path}: the {schema.what} was never finished: create it")
    if application != schema.application_id:
        raise GalleryError(f"{database.path}: is not a {schema.what}: give another path")
    newest = len(schema.migrations)
    if version > newest:
        raise GalleryError(
            f"{database.path}: this {schema.what} is of version {version}, and this edgecnn knows "
            f"up to {newest}: install the newer edgecnn that wrote it"
        )
    return version
