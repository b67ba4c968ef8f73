"""Calls that wait: on threads of their own, a few at a time, so that nothing else waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

from edgecnn_device.kiosk.web.errors import busy

T = TypeVar("T")


class Lane:
    """Runs calls that take seconds, and refuses more than fit.

    The threads are daemons, unlike those of an executor: a call that waits for a camera does not
    hold up the end of the process.

    Args:
        name: of the threads.
        most: calls at once.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._free = name, threading.BoundedSemaphore(most)

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns, or raise what it raises.

        Raises:
            ApiError: 503, as many as may are running.
        """
        if not self._free.acquire(blocking=False):
            raise busy("others are being served: try again in a moment", retry_after_s=2)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Callable[[], T]] = loop.create_future()

        def work() -> None:
            outcome: Callable[[], T]
            try:
                outcome = _returning(call())
            except BaseException as error:
                outcome = _raising(error)
            finally:
                self._free.release()
            with contextlib.suppress(RuntimeError):  # the server ended meanwhile
                loop.call_soon_threadsafe(settle, outcome)

        def settle(outcome: Callable[[], T]) -> None:
            if not future.done():  # else who asked is gone
                future.set_result(outcome)

        threading.Thread(target=work, name=f"kiosk-{self._name}", daemon=True).start()
        return (await future)()


def _returning(value: T) -> Callable[[], T]:
    return lambda: value


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def raise_it() -> NoReturn:
        raise error

    return raise_it
