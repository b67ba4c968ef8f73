"""Runs a variant for minutes: does it keep its pace, and does the board stay cool?"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input
from edgecnn_device.runner import Runner
from edgecnn_device.sensors import Reading, read_sensors

DEFAULT_MINUTES = 10.0
WINDOWS = 20
_TICK_S = 1.0
"""How often progress is told: drawing more often would disturb what is measured."""


@dataclass(frozen=True)
class Window:
    """One part of the time; milliseconds of the network alone."""

    end_s: float
    """Since the start."""
    runs: int
    p50_ms: float
    p99_ms: float
    reading: Reading
    """At the end, still under load."""


@dataclass(frozen=True)
class Sustained:
    """What became of the pace."""

    start: Reading
    """Before the first inference."""
    windows: tuple[Window, ...]

    @property
    def drift_percent(self) -> float:
        """The last window's median against the first's; positive is slower."""
        return 100 * (self.windows[-1].p50_ms / self.windows[0].p50_ms - 1)

    @property
    def worst_percent(self) -> float:
        """The slowest window's median against the first's."""
        return 100 * (max(w.p50_ms for w in self.windows) / self.windows[0].p50_ms - 1)

    @property
    def hottest(self) -> float | None:
        """Degrees Celsius; None where the board does not tell."""
        readings = (self.start, *(w.reading for w in self.windows))
        return max((r.celsius for r in readings if r.celsius is not None), default=None)

    @property
    def throttled(self) -> frozenset[str] | None:
        """What held the processor back, then or in between; the firmware remembers."""
        if all(w.reading.throttled is None for w in self.windows):
            return None
        seen: set[str] = set()
        for window in self.windows:
            seen |= window.reading.throttled or set()
            seen |= (window.reading.throttled_before or set()) - (
                self.start.throttled_before or set()
            )
        return frozenset(seen)


def sustain(
    runner: Runner,
    pictures: Sequence[NDArray[np.uint8]],
    seconds: float,
    *,
    progress: Callable[[float], None] = lambda done_s: None,
    clock: Callable[[], float] = time.perf_counter,
    sensors: Callable[[], Reading] = read_sensors,
) -> Sustained:
    """Run without a pause for a given time, and look at the board at the end of each window.

    Args:
        runner: an opened variant; it is warmed up first.
        pictures: taken in turn.
        seconds: how long; divided into 20 windows.
        progress: told the seconds done, once a second and at the end of each window.
        clock: seconds.
        sensors: asked between inferences.
    """
    inputs = [runner.prepare(picture) for picture in pictures]
    for _ in range(3):
        runner.infer(inputs[0])
    start, begin = sensors(), clock()
    windows = []
    for index in range(WINDOWS):
        end = begin + seconds * (index + 1) / WINDOWS
        windows.append(_window(runner, inputs, begin, end, progress, clock, sensors))
    return Sustained(start, tuple(windows))


def _window(
    runner: Runner,
    inputs: list[Input],
    begin: float,
    end: float,
    progress: Callable[[float], None],
    clock: Callable[[], float],
    sensors: Callable[[], Reading],
) -> Window:
    times = array("d")  # a list would take four times the memory over many minutes
    told = now = clock()
    while now < end or not times:
        before = clock()
        runner.infer(inputs[len(times) % len(inputs)])
        now = clock()
        times.append(1e3 * (now - before))
        if now - told >= _TICK_S:
            progress(now - begin)
            told = now
    progress(now - begin)
    p50, p99 = (float(p) for p in np.percentile(times, (50, 99)))
    return Window(now - begin, len(times), p50, p99, sensors())
