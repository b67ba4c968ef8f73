"""Whether the clock of the machine can be believed."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

_MAX_ERROR_US = 16_000_000
"""NTP_PHASE_LIMIT of the kernel: what it takes the error for where nobody disciplines the clock."""

_SETTLE_S = 600.0
_JUMP_S = 3600.0


class _Timex(ctypes.Structure):
    """The begin of struct timex, adjtimex(2); the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    ]


def clock_synchronized() -> bool:
    """Return whether the kernel's clock is disciplined by NTP, or was within some hours.

    It asks the kernel by adjtimex(2), and takes the estimated error's bound for it as systemd's
    timedatectl does: below 16 s. That works with timesyncd, chrony and ntpd alike; the kernel lets
    the bound grow without NTP, and raises it to 16 s when somebody sets the clock by hand. The
    file of timesyncd, /run/systemd/timesync/synchronized, would be there of that daemon alone, and
    stays there when the clock is set. Where nothing can be learned, the clock is not synchronized.
    """
    timex = _Timex()  # modes 0: only asks
    try:
        status = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # no such call here
        return False
    return bool(status >= 0 and 0 <= timex.maxerror < _MAX_ERROR_US)


class SteadyClock:
    """Wall time that something may be deleted by: synchronized and without a jump for 10 minutes.

    A board without a battery starts in 1970; one with an empty battery may start in 2040. Neither
    may delete everything at once.

    Args:
        wall: seconds since 1970.
        monotonic: seconds that only run.
        synchronized: whether ``wall`` is.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronized: Callable[[], bool] = clock_synchronized,
    ) -> None:
        self.wall, self.monotonic, self.synchronized = wall, monotonic, synchronized
        self._since: float | None = None
        self._offset = 0.0
        self._lock = threading.Lock()

    def trusted(self) -> float | None:
        """Return wall time, or None while it is not to be trusted; ask once a minute or so."""
        with self._lock:
            wall, now, synchronized = self.wall(), self.monotonic(), self.synchronized()
            offset, jumped = wall - now, abs(wall - now - self._offset) > _JUMP_S
            self._offset = offset
            if not synchronized or self._since is None or jumped:
                if jumped and self._since is not None:
                    _log.warning("the clock jumped: retention waits for %.0f s", _SETTLE_S)
                self._since = now if synchronized else None
                return None
            return wall if now - self._since >= _SETTLE_S else None
