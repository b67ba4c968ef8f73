"""Downloads a file once: verified by its hash, resumed after a broken connection, and kept."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import CheckpointError, EdgecnnError, InputError
from edgecnn.models.weights.urls import check_url, make_opener

CHUNK = 1 << 18

Progress = Callable[[int, int | None], None]
"""Called with the bytes here so far and the bytes in all, None where the server does not say."""


@dataclass(frozen=True)
class DownloadOptions:
    """How patient a download is, and how large it may be."""

    timeout_s: float = 30.0
    """Longest silence of the server."""
    attempts: int = 5
    backoff_s: float = 1.0
    """Pause after the first lost connection; it doubles with each."""
    limit: int = 2 << 30
    """Largest file in bytes."""


class _LostError(Exception):
    """The connection broke; what arrived is kept."""


def cache_folder() -> Path:
    """Return where downloaded weights are kept: ``$XDG_CACHE_HOME/edgecnn/weights``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgecnn" / "weights"


def fetch(
    url: str, sha256: str, *, folder: Path | None = None,
    options: DownloadOptions | None = None, progress: Progress | None = None,
) -> Path:  # fmt: skip
    """Return the path of a file with this hash: from the cache, else from the url.

    The file appears under its name only after its hash was verified. What arrived before a
    connection broke is kept beside it as ``.part``, and resumed by an HTTP range request. Two
    processes that want the same file wait for each other.

    Args:
        url: https; http only for this machine itself.
        sha256: lower-case hex; also the name of the file in the cache.
        folder: the cache; default `cache_folder`.
        options: default `DownloadOptions`.
        progress: called after each piece.

    Raises:
        CheckpointError: the server has no such file, or another or a larger one than expected.
        InputError: the url may not be used, or the cache cannot be written.
        EdgecnnError: the connection broke too often; the next call resumes.
    """
    check_url(url)
    options = options or DownloadOptions()
    path = (folder or cache_folder()) / sha256
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path.with_suffix(".lock")):
            if not _holds(path, sha256):
                part = path.with_suffix(".part")
                _download(url, part, sha256, options, progress)
                part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot keep {url} there: {error.strerror or error}") from error
    return path


def _download(
    url: str, part: Path, sha256: str, options: DownloadOptions, progress: Progress | None
) -> None:
    for attempt in range(options.attempts):
        try:
            _resume(url, part, options, progress)
            break
        except _LostError as error:
            if attempt + 1 == options.attempts:
                raise EdgecnnError(
                    f"{url}: the connection broke {options.attempts} times, last: {error}; "
                    "start again to resume"
                ) from error
            time.sleep(options.backoff_s * 2**attempt)
    found = hash_file(part)
    if found != sha256:
        part.unlink()
        raise CheckpointError(
            f"{url}: expected a file with sha256 {sha256}, got {found}: nothing was kept; "
            "compare the hash with that of its publisher"
        )


def _resume(url: str, part: Path, options: DownloadOptions, progress: Progress | None) -> None:
    """Append what is missing to ``part``."""
    start = part.stat().st_size if part.exists() else 0
    with _open(url, start, part, options) as response:
        ranged = response.status == 206
        if ranged and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            part.unlink(missing_ok=True)
            raise _LostError("the server sent another range than was asked for")
        start = start if ranged else 0  # a server that knows no ranges starts again
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        if total is not None and total > options.limit:
            raise CheckpointError(f"{url}: {total} bytes: more than the limit of {options.limit}")
        _receive(response, part, start, total, url, options.limit, progress)


def _receive(
    response: http.client.HTTPResponse, part: Path, start: int, total: int | None, url: str,
    limit: int, progress: Progress | None,
) -> None:  # fmt: skip
    done = start
    with part.open("ab" if start else "wb") as file:
        while data := _read(response):
            done += len(data)
            if done > limit:
                part.unlink()
                raise CheckpointError(f"{url}: more than the limit of {limit} bytes")
            file.write(data)
            if progress:
                progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise _LostError(f"{done} of {total} bytes arrived")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _LostError(_reason(error)) from error


@contextmanager
def _open(
    url: str, start: int, part: Path, options: DownloadOptions
) -> Iterator[http.client.HTTPResponse]:
    headers = {"User-Agent": "edgecnn", **({"Range": f"bytes={start}-"} if start else {})}
    request = urllib.request.Request(url, headers=headers)
    try:
        response = make_opener(url).open(request, timeout=options.timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing after what is here: too long, or of another file
            part.unlink()
            raise _LostError("the server has no such range") from error
        if error.code in (408, 429) or error.code >= 500:
            raise _LostError(f"HTTP status {error.code}") from error
        raise CheckpointError(
            f"{url}: expected a file, the server answered {error.code} {error.reason}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            raise CheckpointError(f"{url}: its certificate is not valid: {error}") from error
        raise _LostError(_reason(error)) from error
    with response:
        yield response


def hash_file(path: Path) -> str:
    """Return the sha256 of a file in lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def _holds(path: Path, sha256: str) -> bool:
    """Verify a file of the cache, and drop one that was damaged there."""
    if not path.exists():
        return False
    if hash_file(path) == sha256:
        return True
    path.unlink()
    return False


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with its process."""
    with path.open("wb") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__
