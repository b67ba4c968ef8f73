"""How late the pictures of a stream are, from its own clock and ours.

What a network or a slow decoder holds back arrives late, and nothing else says so. The stream's
clock has an unknown offset and runs a little differently, but no picture arrives before it is
taken: of the last minutes, the picture that came soonest is taken for punctual.
"""

from __future__ import annotations

_WINDOW_S = 60.0
"""Clocks that differ by 100 ppm part by 12 ms in two windows."""
_RUSH = 1.5
"""So many times faster than our clock, the stream gives what it had in store."""


class Lateness:
    """Follows one stream."""

    def __init__(self) -> None:
        self._begun = float("-inf")
        self._before = self._best = float("-inf")

    def __call__(self, stream_s: float, now: float) -> float:
        """Return by how many seconds a picture is later than the most punctual one.

        Args:
            stream_s: its time by the stream's clock, seconds.
            now: when it arrived, seconds of a monotonic clock.
        """
        lead = stream_s - now
        if now - self._begun >= _WINDOW_S:
            self._begun, self._before, self._best = now, self._best, lead
        self._best = max(self._best, lead)
        return max(self._best, self._before) - lead


def is_rush(stream_step_s: float, step_s: float) -> bool:
    """Tell whether a picture came from a store: the stream went on by more than our clock did."""
    return stream_step_s > _RUSH * step_s
