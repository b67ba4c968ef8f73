"""Says of what fails again and again only the first time, the second, the fourth, the eighth."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

_MOST_KEYS = 256


class Repeats:
    """Counts failures in a row by key; a camera that is gone for a day logs 17 lines, not 86,400.

    It may be used by several threads, and remembers so many keys at most; the oldest goes first.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def failed(self, key: str, message: str, level: int = logging.WARNING) -> bool:
        """Count a failure, and log it where its number is a power of two; returns whether."""
        with self._lock:
            count = self._counts.pop(key, 0) + 1
            self._counts[key] = count
            if len(self._counts) > _MOST_KEYS:
                self._counts.popitem(last=False)
        if count & (count - 1):
            return False
        times = f" ({count} times in a row)" if count > 1 else ""
        self._logger.log(level, "%s%s", message, times, extra={"repeated": count})
        return True

    def recovered(self, key: str, message: str) -> bool:
        """Forget a key, and log that it works again where it had failed; returns whether."""
        with self._lock:
            count = self._counts.pop(key, 0)
        if count:
            self._logger.info("%s (after %d failures)", message, count)
        return count > 0
