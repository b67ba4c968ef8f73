"""Writes files so that a reader sees the old one, the new one, or none: never half of one."""

from __future__ import annotations

import os
import shutil
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
