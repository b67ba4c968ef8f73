"""The states of a camera and when it is tried again; no thread, no clock, no chance of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["connecting", "live", "backoff", "ended"]

STEADY_S = 10.0
"""Live for so long, a camera has recovered: the next failure is the first again."""
_FIRST_S = 2.0, 10.0
"""Least and most of `Link.first_s`."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the next attempt."""

    least_s: float
    most_s: float

    def wait_s(self, failures: int, chance: float) -> float:
        """Return how long to wait: between the least and a bound that doubles with each failure.

        Full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so
        that cameras that fell together do not return together.

        Args:
            failures: in a row, from 1.
            chance: 0..1, drawn anew each time.
        """
        doubled = self.least_s * 2.0 ** min(failures, 60)
        return self.least_s + chance * (max(self.least_s, min(self.most_s, doubled)) - self.least_s)


class Link:
    """connecting -> live -> backoff -> connecting ...; a file that is over: ended."""

    def __init__(self, backoff: Backoff, now: float, chance: Callable[[], float]) -> None:
        """Begin connecting.

        Args:
            backoff: the rules.
            now: seconds of a monotonic clock.
            chance: gives numbers in 0..1.
        """
        self._backoff = backoff
        self._chance = chance
        self._failures = 0
        self.state: State = "connecting"
        self.reason = ""
        """Why it is not live."""
        self.since = now
        """Of the state."""
        self.retry_at = now
        """When a backoff ends."""
        self.connects = 0
        """Times it became live."""

    @property
    def first_s(self) -> float:
        """Return how much longer than usual the next attempt waits for its first picture.

        Some cameras send a whole picture every 10 s only. But a stream that was connected while the
        network spoilt it may never give one, and each second of patience keeps it away: so it grows
        with the failures in a row.
        """
        least, most = _FIRST_S
        return min(least * 2.0 ** min(self._failures, 60), most)

    def arrived(self, now: float) -> bool:
        """Take a good frame; returns whether the state changed."""
        self._expect("connecting", "live")
        if self.state == "live":
            if now - self.since >= STEADY_S:
                self._failures = 0
            return False
        self.connects += 1
        self._become("live", "", now)
        return True

    def lost(self, reason: str, now: float) -> None:
        """Take a failure, and choose when to try again."""
        self._expect("connecting", "live")
        self._failures += 1
        self.retry_at = now + self._backoff.wait_s(self._failures, self._chance())
        self._become("backoff", reason, now)

    def retry(self, now: float) -> None:
        """Try again; the reason stays until a frame comes."""
        self._expect("backoff")
        self._become("connecting", self.reason, now)

    def over(self, reason: str, now: float) -> None:
        """End: there will be no more."""
        self._expect("connecting", "live")
        self._become("ended", reason, now)

    def _become(self, state: State, reason: str, now: float) -> None:
        self.state, self.reason, self.since = state, reason, now

    def _expect(self, *states: State) -> None:
        if self.state not in states:
            raise RuntimeError(f"expected the state {' or '.join(states)}, it is {self.state}")
