"""The open files of the store: one process, one writer at a time, damaged ones set aside."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgecnn.errors import StorageError
from edgecnn_device.database import Database, Schema, open_database
from edgecnn_device.kiosk.store.damage import check, last_sequence, set_aside
from edgecnn_device.kiosk.store.schema import EVENTS, EVENTS_LAZY, THUMBNAILS

_CHECK_S = 1.0
"""How long the start may wait for the check of a file; a longer one goes on beside it."""


class Connections:
    """The connections to both files, each lent to one thread at a time.

    Errors that pass through are `StorageError`; that of a damaged file is noted, for `replace`.

    Args:
        folder: of the files; made where it is missing, for the owner alone.

    Raises:
        StorageError: another process has it, or a file is of a newer version or cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events_path, self.thumbnails_path = folder / "events.db", folder / "thumbnails.db"
        self.damaged: Path | None = None
        """A file that was found damaged, and is not replaced yet."""
        self._files: tuple[tuple[Path, Schema], ...] = (
            (self.events_path, EVENTS), (self.thumbnails_path, THUMBNAILS),
        )  # fmt: skip
        self._writing, self._reading, self._picturing = (threading.Lock() for _ in range(3))
        self._closing, self._is_open = threading.Event(), False
        self._lock = _lock(folder)
        try:
            self.set_aside = self._check_all()
            """What was found damaged at the start, under its new name."""
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    @contextmanager
    def durable(self) -> Iterator[Database]:
        """Lend the connection whose commits survive a power cut."""
        with self._writing, self._noting(self.events_path):
            yield self._durable

    @contextmanager
    def lazy(self) -> Iterator[Database]:
        """Lend the connection whose commits survive the end of the process, whatever it is."""
        with self._writing, self._noting(self.events_path):
            yield self._lazy

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Lend a connection to read events with; no writer holds it up."""
        with self._reading, self._noting(self.events_path):
            yield self._reader

    @contextmanager
    def pictures(self) -> Iterator[Database]:
        """Lend the connection to the thumbnails."""
        with self._picturing, self._noting(self.thumbnails_path):
            yield self._thumbnails

    def bytes(self) -> int:
        """Return what the files take on the disk."""
        return sum(_size(f"{path}{beside}") for path, _ in self._files for beside in ("", "-wal"))

    def check(self) -> None:
        """Finish the check that was too long for the start; ends with `close`."""
        for path, schema in tuple(self._unchecked):
            if check(path, schema, None, self._closing) == "damaged":
                self.damaged = self.damaged or path
        self._unchecked.clear()

    @property
    def unchecked(self) -> bool:
        """Whether `check` is needed."""
        return bool(self._unchecked)

    def replace(self) -> Path | None:
        """Set the damaged file aside and begin a new one; returns its new name.

        Raises:
            StorageError: that is not possible now; it may be called again.
        """
        with self._writing, self._reading, self._picturing:
            path, aside = self.damaged, None
            if path is None and self._is_open:
                return None
            self._close()
            self._is_open = False
            if path is not None:
                aside = self._set_aside(path)
                self.damaged = None
            self._open()
        return aside

    def close(self) -> None:
        """Close all, and let go of the folder."""
        self._closing.set()
        with self._writing, self._reading, self._picturing:
            self._close()
        os.close(self._lock)

    @contextmanager
    def _noting(self, path: Path) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            if error.fault == "damaged":
                self.damaged = path
            raise

    def _check_all(self) -> tuple[Path, ...]:
        found = {file: check(*file, _CHECK_S, self._closing) for file in self._files}
        self._unchecked = [file for file, is_ in found.items() if is_ == "unfinished"]
        return tuple(self._set_aside(path) for (path, _), is_ in found.items() if is_ == "damaged")

    def _set_aside(self, path: Path) -> Path:
        """Set a file aside; a new event database goes on counting where the old one was."""
        last = last_sequence(path, EVENTS) if path == self.events_path else 0
        aside = set_aside(path)
        if last:
            database = open_database(path, EVENTS, create=True)
            try:
                database.rows("UPDATE floor SET sequence = ?", last)
            finally:
                database.close()
        return aside

    def _open(self) -> None:
        with ExitStack() as opened:
            self._durable = _opened(opened, self.events_path, EVENTS)
            self._lazy = _opened(opened, self.events_path, EVENTS_LAZY)
            self._reader = _opened(opened, self.events_path, EVENTS_LAZY)
            self._thumbnails = _opened(opened, self.thumbnails_path, THUMBNAILS)
            self._close = opened.pop_all().close
        self._is_open = True


def _opened(stack: ExitStack, path: Path, schema: Schema) -> Database:
    database = open_database(path, schema, create=True)
    stack.callback(database.close)
    if not database.writable:
        raise StorageError(
            f"{path}: is read-only, and no event could be kept: make it writable, or give another "
            "folder", "read-only",
        )  # fmt: skip
    return database


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # no journal now
        return 0


def _lock(folder: Path) -> int:
    """Hold the folder; the kernel lets go of it when the process ends."""
    path = folder / "events.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: cannot be made: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StorageError(
            f"{folder}: another daemon keeps its events there: stop it, or give another folder",
            "locked",
        ) from error
    return handle
