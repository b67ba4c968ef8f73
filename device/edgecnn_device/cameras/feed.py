"""What comes from a source's process, and that process, as the capturing thread sees it.

Drivers, networks and decoders hang, and a thread that hangs in one can neither be ended nor make it
let go of the device. A process can be killed, whatever it hangs in; it costs a copy of each picture
into shared memory and one out of it, and what Python, numpy and OpenCV take.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Protocol, TypeAlias

from edgecnn_device.cameras.redact import redact
from edgecnn_device.cameras.ring import Placed, RingReader, new_memory
from edgecnn_device.cameras.source import FAULTS, Fault, Image, SourceEnded, SourceError, Wanted

_GRACE_S = 0.4
"""A process may take so long to take leave of a camera, before it is killed."""
_MOST_UNENDED = 4
"""Killed processes that hang in the kernel; with so many, nothing more is started."""

_unended: list[subprocess.Popen[bytes]] = []
_unended_lock = threading.Lock()


@dataclass(frozen=True)
class Opened:
    """The source is open."""

    rate: float
    """See `Source.rate`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A good picture."""

    image: Image
    captured: float
    """Seconds of `time.monotonic`, which is one clock for all processes; only of a live one."""
    number: int
    """Counts what the source gave since it was opened, from 1, lost ones included."""


@dataclass(frozen=True)
class Faulty:
    """A picture that is of no use."""

    fault: Fault
    number: int


Given: TypeAlias = Opened | Picture | Faulty


class Feed(Protocol):
    """Gives what a source gives, and never keeps anybody waiting for longer than asked."""

    def next(self, timeout_s: float) -> Given | None:
        """Return the next thing; None where nothing came in time.

        Raises:
            SourceError: the source cannot be opened, or is gone.
            SourceEnded: it is over.
        """

    def close(self) -> None:
        """End it; takes less than a second."""


class ChildFeed:
    """A source in a process of its own."""

    def __init__(self, wanted: Wanted, secrets: tuple[str, ...] = ()) -> None:
        """Start the process; it tells by `next` how that went.

        Args:
            wanted: the source.
            secrets: see `redact`; nothing that the process says is passed on with them.

        Raises:
            SourceError: no process can be started.
        """
        _refuse_if_many_hang()
        self._secrets = secrets
        self._text = b""
        self._memory = new_memory()
        self._ring = RingReader(self._memory)
        command = [sys.executable, "-m", "edgecnn_device.cameras.child", str(self._memory)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, pass_fds=(self._memory,), env=_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for us alone
            )  # fmt: skip
        except OSError as error:
            os.close(self._memory)
            raise SourceError(f"no process can be started: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)
        # Not on the command line or in the environment, which others can read.
        self._send(json.dumps(asdict(wanted)).encode() + b"\n")

    def next(self, timeout_s: float) -> Given | None:
        """Return the next thing; see `Feed`."""
        if b"\n" not in self._text and self._poll.poll(1000 * timeout_s):
            self._text += os.read(self._from.fileno(), 1 << 16) or self._ended()
        if b"\n" not in self._text:
            return None
        line, _, self._text = self._text.partition(b"\n")
        return self._given(json.loads(line))

    def close(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        with contextlib.suppress(OSError):  # it is gone, with what was on the way to it
            self._to.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _reap(self._process)
        self._from.close()
        os.close(self._memory)

    def _given(self, said: Mapping[str, object]) -> Given:
        match said:
            case {"picture": [int(place), int(size), int(height), int(width)],
                  "captured": float(captured), "number": int(number)}:  # fmt: skip
                image = self._ring.get(Placed(place, size, height, width))
                self._send(bytes((place,)))
                return Picture(image, captured, number)
            case {"fault": str(fault), "number": int(number)} if fault in FAULTS:
                return Faulty(next(f for f in FAULTS if f == fault), number)
            case {"rate": float(rate)}:
                return Opened(rate)
            case {"ended": str(text)}:
                raise SourceEnded(redact(text, self._secrets))
            case {"error": str(text)}:
                raise SourceError(redact(text, self._secrets))
        raise SourceError("its process said something unknown: is the installation whole?")

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it is gone; what it said before is still to be read
            os.write(self._to.fileno(), data)

    def _ended(self) -> bytes:
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            status = 0
        raise SourceError(f"its process ended unasked, with status {status}")


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:  # in the kernel, where nothing can be killed
        with _unended_lock:
            _unended.append(process)


def _refuse_if_many_hang() -> None:
    with _unended_lock:
        _unended[:] = [process for process in _unended if process.poll() is None]
        count = len(_unended)
    if count >= _MOST_UNENDED:
        raise SourceError(
            f"{count} processes of earlier attempts hang in the kernel: unplug the camera, or "
            "restart the machine"
        )


def _environment() -> dict[str, str]:
    """Return the process' environment: libraries say only what is wrong, and it is one thread."""
    kept = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    return {
        **kept,
        "PYTHONSAFEPATH": "1",
        "OMP_NUM_THREADS": "1",
        "OPENCV_LOG_LEVEL": "SILENT",
        "OPENCV_FFMPEG_LOGLEVEL": "16",  # AV_LOG_ERROR
        "LIBCAMERA_LOG_LEVELS": "*:ERROR",
    }
