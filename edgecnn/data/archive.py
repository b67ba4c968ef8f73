"""Unpacks an archive once, into the cache, and only what is safe."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edgecnn.errors import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
LIMIT = 64 << 30
"""Most bytes that an archive may unpack to."""


def is_archive(path: Path) -> bool:
    """Tell whether a file is an archive, by its name."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def unpack(path: Path, limit: int = LIMIT) -> Path:
    """Return the folder with an archive's files, unpacking them unless that was done before.

    It lies in ``$XDG_CACHE_HOME/edgecnn/extracted`` under a hash of the archive's place, size and
    time, and appears there whole or not at all.

    Args:
        path: a tar, gzipped or not, or a zip.
        limit: most bytes that it may unpack to.

    Raises:
        DataError: damaged, larger than the limit, or a member that would land elsewhere.
    """
    target = _target(path)
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise DataError(f"{target}: cannot unpack there: {error}: set XDG_CACHE_HOME") from error
    try:
        (_unzip if zipfile.is_zipfile(path) else _untar)(path, temporary, limit)
        _publish(temporary, target)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error,
            tarfile.TarError, zipfile.BadZipFile) as error:  # fmt: skip
        raise DataError(f"{path}: cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _target(path: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    facts = path.stat()
    key = f"{path.resolve()}\n{facts.st_size}\n{facts.st_mtime_ns}"
    return cache / "edgecnn" / "extracted" / hashlib.sha256(key.encode()).hexdigest()[:24]


def _publish(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, with the same files
            raise


def _untar(path: Path, folder: Path, limit: int) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise DataError(f"{path}: this Python cannot unpack it safely: unpack it by hand")
    size = 0
    with tarfile.open(path) as archive:
        for member in archive:
            size += member.size
            _check_size(path, size, limit)
            _check_name(path, member.name)
        archive.extractall(folder, filter="data")


def _unzip(path: Path, folder: Path, limit: int) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_size(path, sum(member.file_size for member in archive.infolist()), limit)
        for name in archive.namelist():
            _check_name(path, name)
        archive.extractall(folder)


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise DataError(f"{path}: unpacks to more than {limit} bytes: unpack it by hand")


def _check_name(path: Path, name: str) -> None:
    """Refuse what tarfile and zipfile would strip to something harmless, too."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
        raise DataError(f"{path}: {name!r} would be unpacked outside its folder: not unpacked")
