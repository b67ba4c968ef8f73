"""Lets systemd restart a daemon that runs and does nothing.

A watchdog that is fed by a timer of its own hides a dead worker. This one asks each time whether
frames are really processed, or their source is in declared backoff, and is silent otherwise.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from edgecnn_device.kiosk.ops.notify import Notifier

_LOG = logging.getLogger(__name__)
_STEP_S = 5.0
"""Between two requests for more time to start."""


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return the seconds within which systemd wants a sign of life; None: it wants none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if process and process != str(os.getpid()):
        return None  # it is meant for the process that started this one
    return int(microseconds) / 1e6


class Watchdog(threading.Thread):
    """Sends signs of life while there is life, three times in each interval."""

    def __init__(
        self, notifier: Notifier, healthy: Callable[[], bool], interval_s: float,
        status: Callable[[], str] | None = None,
    ) -> None:  # fmt: skip
        """Prepare the thread; `start` it when the daemon is ready.

        Args:
            notifier: where to.
            healthy: whether every stage moves; one that never returns counts as no.
            interval_s: of `watchdog_interval`.
            status: a line for `systemctl status`, sent when it changes.
        """
        super().__init__(name="watchdog", daemon=True)
        self._notifier, self._healthy, self._status = notifier, healthy, status
        self._period = interval_s / 3
        self._ended = threading.Event()

    def run(self) -> None:
        """Ask, and send, until `stop`."""
        well, told = True, ""
        while not self._ended.wait(self._period):
            was, well = well, self._ask()
            if well:
                self._notifier.alive()
            if was and not well:
                _LOG.error("nothing is processed any more: systemd is not told that all is well")
            elif well and not was:
                _LOG.warning("frames are processed again")
            if self._status is not None and (now := self._status()) != told:
                told = now
                self._notifier.status(now)

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End the thread; returns whether it did in time."""
        self._ended.set()
        if self.is_alive():
            self.join(timeout_s)
        return not self.is_alive()

    def _ask(self) -> bool:
        try:
            return self._healthy()
        except Exception:
            _LOG.exception("the daemon cannot tell whether it is well")
            return False


@contextmanager
def slow_start(notifier: Notifier, most_s: float = 300.0) -> Iterator[None]:
    """Ask systemd for time while the first start measures, and at most for so long.

    After ``most_s`` seconds it asks no more, so that a start that hangs is ended.
    """
    ended = threading.Event()
    deadline = time.monotonic() + most_s

    def ask() -> None:
        while time.monotonic() < deadline:
            notifier.extend(3 * _STEP_S)
            if ended.wait(_STEP_S):
                return

    thread = threading.Thread(target=ask, name="slow-start", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2.0)
