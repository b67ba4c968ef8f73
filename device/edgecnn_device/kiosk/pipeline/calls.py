"""Lets other threads have work done by the worker, between two frames.

Networks and the gallery serve one thread at a time; theirs is the worker.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from edgecnn.errors import EdgecnnError

T = TypeVar("T")

WAIT_S = 15.0
"""Longer than SQLite waits for another process that writes the gallery."""
_WAITING = 32


class Calls:
    """A bounded queue of functions, each with somebody who waits for what it returns."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue(_WAITING)
        self._closed = False

    def ask(self, work: Callable[[], T], timeout_s: float = WAIT_S) -> T:
        """Have the worker do something; returns or raises what it does. Not for the worker itself.

        Raises:
            EdgecnnError: the daemon is stopping, too many wait already, or the time is over.
        """
        future: Future[T] = Future()
        try:
            if self._closed:
                raise EdgecnnError("the daemon is stopping: repeat when it runs again")
            self._queue.put_nowait((work, future))
        except queue.Full:
            raise EdgecnnError(f"{_WAITING} requests wait already: repeat later") from None
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            if future.cancel():
                raise EdgecnnError(
                    f"the daemon was busy for {timeout_s:g} s: nothing was done, repeat later"
                ) from None
            raise EdgecnnError(
                f"not done within {timeout_s:g} s, but begun: look whether it was"
            ) from None

    def tell(self, work: Callable[[], object]) -> None:
        """Have the worker do something that nobody waits for; left out where too much waits."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait((work, Future()))

    def run(self, most: int = 1) -> None:
        """Do what is waiting, the worker's part; at most so much, so that frames have a turn."""
        for _ in range(most):
            try:
                work, future = self._queue.get_nowait()
            except queue.Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except InvalidStateError:
                continue
            except Exception as error:
                future.set_exception(error)

    def close(self) -> None:
        """Refuse what waits, and all that comes: the worker ends."""
        self._closed = True
        while True:
            try:
                _, future = self._queue.get_nowait()
            except queue.Empty:
                return
            if future.set_running_or_notify_cancel():
                future.set_exception(EdgecnnError("the daemon is stopping: nothing was done"))
