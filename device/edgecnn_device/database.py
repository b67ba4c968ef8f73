"""Opens the SQLite files of a device: strictly, in one manner, with plain errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgecnn.errors import StorageError, StorageFault

_OLDEST = (3, 37)
"""The first SQLite with STRICT tables."""

_REASONS: tuple[tuple[str, StorageFault, str], ...] = (
    ("readonly", "read-only", "is read-only: it can be read, but nothing can be written"),
    ("disk is full", "full", "no space left: nothing was written; make room and repeat"),
    ("disk I/O", "other", "cannot be read or written: check the disk"),
    ("locked", "locked", "another process keeps it locked: repeat later"),
    ("not a database", "damaged", "is not an SQLite file: give another path"),
    ("interrupted", "interrupted", "was interrupted"),
    ("malformed", "damaged", "is damaged: restore it from a backup"),
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
    synchronous: Literal["normal", "full", "extra"]
    """SQLite's PRAGMA synchronous: full survives a power cut, normal a crash of the process."""
    error: type[StorageError] = StorageError
    """What is raised."""
    busy_s: float = 10.0
    """How long a writer waits for another."""
    shrinks: bool = False
    """Whether a new file can give free pages back (`PRAGMA incremental_vacuum`)."""


class Database:
    """A connection whose errors are the schema's; for one thread at a time, whichever it is."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, writable: bool, schema: Schema
    ) -> None:
        self.path, self.writable, self.schema = path, writable, schema
        self._connection = connection

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        with plain_errors(self.path, self.schema):
            return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Run one statement and yield row after row."""
        with plain_errors(self.path, self.schema):
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

    def shrink(self, pages: int) -> None:
        """Give so many free pages back to the disk, where the schema says that it shrinks."""
        with plain_errors(self.path, self.schema):
            # `execute` takes the first step of this statement alone: one page.
            self._connection.executescript(f"PRAGMA incremental_vacuum({pages:d})")

    def version(self) -> int:
        """Return a number that differs once another connection has committed."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def interrupt(self) -> None:
        """End the statement that runs, from another thread; it raises there."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._connection.close()


@contextmanager
def plain_errors(path: Path, schema: Schema) -> Iterator[None]:
    """Turn SQLite's errors into what came and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        known = ((fault, text) for part, fault, text in _REASONS if part in said)
        fault, reason = next(known, ("other", said))
        raise schema.error(f"{path}: {reason}", fault) from error


def open_database(path: Path, schema: Schema, create: bool) -> Database:
    """Open a file, bring it to this version, or make it.

    Args:
        path: of the file; SQLite keeps its journal beside it.
        schema: what it must be.
        create: make it where there is none; the owner alone may read it.

    Raises:
        StorageError: of the schema's kind. It is missing, is something else, was written by a
            newer version, or cannot be opened. The file is as it was.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise schema.error(f"SQLite 3.37 or newer is needed, this is {sqlite3.sqlite_version}")
    if create and not path.exists():
        _touch(path, schema)
    if not path.is_file():
        raise schema.error(f"{path}: no {schema.what} is there: check the path, or create one")
    with plain_errors(path, schema):
        database = _connect(path, schema)
    try:
        _bring_to_version(database, schema, create)
        # Everything is read once and kept elsewhere: SQLite's usual cache of 2 MB would only stay.
        pragmas = ("secure_delete = ON", "foreign_keys = ON", "cache_size = -512",
                   f"synchronous = {schema.synchronous}")  # fmt: skip
        for pragma in pragmas:
            database.rows(f"PRAGMA {pragma}")
    except BaseException:
        database.close()
        raise
    return database


def _touch(path: Path, schema: Schema) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise schema.error(f"{path}: cannot be made: {error.strerror}") from error


def _connect(path: Path, schema: Schema) -> Database:
    uri = path.resolve().as_uri()
    connection = _connection(f"{uri}?mode=rw", schema)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        connection.close()
        unwritable = any(part in str(error) for part in ("unable to open", "readonly"))
        if not unwritable or path.with_name(f"{path.name}-wal").exists():
            raise
        # A WAL file needs an index beside it, which nobody can make on a read-only medium.
        return Database(path, _connection(f"{uri}?mode=ro&immutable=1", schema), False, schema)
    effective = os.access in os.supports_effective_ids
    writable = os.access(path, os.W_OK, effective_ids=effective)
    return Database(path, connection, writable, schema)


def _connection(uri: str, schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=schema.busy_s, isolation_level=None, check_same_thread=False
    )
    # A flipped bit in a text must spoil that text, not the whole query.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _bring_to_version(database: Database, schema: Schema, create: bool) -> None:
    """Check what the file is; run the migrations that it lacks, all or none."""
    version = _version(database, schema, create)
    if version == len(schema.migrations):
        return
    if version == 0:
        if schema.shrinks:  # only before the first page is written
            database.rows("PRAGMA auto_vacuum = INCREMENTAL")
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
        raise schema.error(f"{database.path}: the {schema.what} was never finished: create it")
    if application != schema.application_id:
        raise schema.error(f"{database.path}: is not a {schema.what}: give another path", "damaged")
    newest = len(schema.migrations)
    if version > newest:
        raise schema.error(
            f"{database.path}: this {schema.what} is of version {version}, and this edgecnn knows "
            f"up to {newest}: install the newer edgecnn that wrote it"
        )
    return version
