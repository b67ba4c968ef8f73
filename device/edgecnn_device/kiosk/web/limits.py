"""How often somebody may ask: token buckets per address, in bounded memory."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_ADDRESSES = 1024


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many per second after that."""

    burst: float
    per_s: float


@dataclass(frozen=True)
class Limits:
    """What one address may do."""

    requests: Rate = Rate(120, 30)
    logins: Rate = Rate(10, 0.1)
    """Attempts to log in, whatever comes of them."""
    failures: Rate = Rate(20, 0.5)
    """Requests with a wrong token. It holds up those alone: a program with an old token must not
    lock out its neighbours behind the same address."""


class Buckets:
    """A bucket per address; the ones that were idle longest are forgotten first."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Take one; returns 0, or how many seconds to wait where none is left."""
        key, now = _group(address), self._clock()
        with self._lock:
            level, at = self._levels.pop(key, (self._rate.burst, now))
            level = min(self._rate.burst, level + (now - at) * self._rate.per_s)
            taken = level >= 1
            self._levels[key] = (level - 1 if taken else level), now
            if len(self._levels) > _MOST_ADDRESSES:
                self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / self._rate.per_s


def _group(address: str) -> str:
    """Return what is counted together: an IPv6 client owns a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
