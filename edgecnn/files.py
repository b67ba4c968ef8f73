"""Writes files so that a reader sees the old one, the new one, or none: never half of one."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecnn.errors import InputError


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `InputError` when ``path`` exists and may not be replaced."""
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path}: not a usable name: {error.strerror}") from error
    if exists and not overwrite:
        raise InputError(f"{path} exists: choose another name or give --overwrite")


_TEMPORARY = ".part"


def remove_leftovers(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; nobody may be writing there."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes, *, overwrite: bool = False, mode: int = 0o644) -> None:
    """Write ``data`` to a temporary name beside ``path`` and rename it.

    Raises:
        InputError: ``path`` exists and ``overwrite`` is not set, or the folder cannot be written.
    """
    refuse_existing(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_TEMPORARY)
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"{path}: cannot write: {error.strerror}") from error
        raise


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes its name once all is written; an error leaves nothing.

    Raises:
        InputError: ``folder`` holds something, or cannot be made.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_bounded(path: Path, most: int, what: str, *, private: bool = False) -> bytes:
    """Read a small plain file whole, without ever waiting for it.

    Args:
        path: the file; a named pipe or a device is refused.
        most: bytes.
        what: it is, for messages.
        private: whether to refuse it where others than its owner could have read it; who can read
            such a file is its owner, or root. systemd's credentials pass: an access list guards
            them, whose mask looks like a group's right to read.

    Raises:
        InputError: it is missing, something else, larger, or not private.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: {what} is a plain file")
            if private and not _is_credential(path):
                _refuse_shared(path, status, what)
            data = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else "not a usable name"
        raise InputError(f"{path}: cannot read {what}: {why}") from error
    if len(data) > most:
        raise InputError(f"{path}: expected {what} of at most {most} bytes, but there are more")
    return data


def _refuse_shared(path: Path, status: os.stat_result, what: str) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise InputError(
            f"{path}: {what} must be readable by its owner alone, but its mode is {mode:04o}: "
            "chmod 600 it, and change it if others could have read it"
        )


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(str(folder))


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe would wait for a writer otherwise."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
