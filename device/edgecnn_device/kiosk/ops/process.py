"""What the process must be before anything else happens: private, alone, and modest."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecnn.errors import EdgecnnError, InputError

_LOCK = "kiosk.lock"
_THREADS = (
    "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)  # fmt: skip


def make_private() -> None:
    """Let nobody else read what the process writes."""
    os.umask(0o077)


def pin_threads(threads: int) -> None:
    """Give BLAS, OpenMP and OpenCV so many threads; they read it when they are loaded.

    By default each takes every core, and they fight with each other and the networks for them.

    Args:
        threads: of the configuration's bundles.

    Raises:
        RuntimeError: numpy or OpenCV is loaded already, so that it would have no effect.
    """
    loaded = {"numpy", "cv2"} & set(sys.modules)
    if loaded:
        raise RuntimeError(f"threads must be pinned before {', '.join(sorted(loaded))} is imported")
    os.environ.update({name: str(threads) for name in _THREADS})


@contextmanager
def only_instance(data: Path, wait_s: float = 3.0) -> Iterator[None]:
    """Hold the data folder for this process alone; made, 0700, where it is not there.

    The lock is the kernel's and goes with the process, however that ends.

    Args:
        data: of the configuration.
        wait_s: for one that is just ending.

    Raises:
        EdgecnnError: another daemon has it.
        InputError: the folder cannot be written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"{data}: cannot be written: {error.strerror}") from error
    try:
        _lock(handle, data, wait_s)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, data: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
                raise EdgecnnError(
                    f"{data}: another kiosk uses this folder (process {holder or 'unknown'}): stop "
                    "it, or give this one a data folder of its own"
                ) from error
            time.sleep(0.05)
