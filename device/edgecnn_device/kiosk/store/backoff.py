"""How long to wait after failures in a row: exponential, with jitter."""

from __future__ import annotations

import random


class Backoff:
    """Doubles from one wait to the next, and draws from the upper half of it.

    Jitter keeps kiosks apart that lost the same broker at the same moment.

    Args:
        first_s: of the first wait.
        most_s: of any.
    """

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s, self._most_s, self._wait_s = first_s, most_s, first_s

    def next_s(self) -> float:
        """Return how long to wait now."""
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, self._most_s)
        return random.uniform(0.5, 1.0) * wait_s

    def reset(self) -> None:
        """It worked."""
        self._wait_s = self._first_s
