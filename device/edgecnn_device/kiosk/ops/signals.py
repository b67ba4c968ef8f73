"""Signals as a queue that the main thread waits on.

A Python handler runs between two instructions of the main thread, wherever that is, so one that
takes a lock (setting an event, logging) may wait for itself. Here the interpreter's own C handler
writes the number into a socket pair (`signal.set_wakeup_fd`), and nothing runs in between.
"""

from __future__ import annotations

import signal
import socket
from types import FrameType, TracebackType
from typing import Any

STOP = (signal.SIGTERM, signal.SIGINT)
RELOAD = signal.SIGHUP


class Signals:
    """Takes over SIGTERM, SIGINT and SIGHUP while it is entered; of the main thread alone."""

    def __enter__(self) -> Signals:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)  # a full pair means that enough signals wait already
        self._before: dict[int, Any] = {n: signal.signal(n, _nothing) for n in (*STOP, RELOAD)}
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def wait(self, timeout_s: float | None = None) -> signal.Signals | None:
        """Return the next signal of the three; None where none came in time."""
        self._reader.settimeout(timeout_s)
        try:
            number = self._reader.recv(1)[0]
        except (TimeoutError, BlockingIOError):
            return None
        return signal.Signals(number) if number in self._before else None


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing: without a handler of Python's the number would not be written."""
