from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.read import read_bundle
from edgecnn.vision.preprocess import Input
from edgecnn_device import Runner
from edgecnn_device.backends import FakeBackend
from edgecnn_device.sensors import Reading
from edgecnn_device.sustained import WINDOWS, sustain

SILENT = Reading(None, None, None, None)
PICTURES = [np.zeros((8, 8, 3), np.uint8)]


class _Time:
    """A clock that only inferences move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
def runner_that_takes(
    zoo_bundle: Path, time: _Time
) -> Callable[[Callable[[float], float]], Runner]:
    manifest = read_bundle(zoo_bundle).manifest

    def make(cost_s: Callable[[float], float]) -> Runner:
        def answer(inputs: Input) -> NDArray[np.float32]:
            time.now += cost_s(time.now)
            return np.asarray(inputs, np.float32)

        return Runner(manifest, manifest.variants[0], FakeBackend(answer))

    return make


def test_it_ends_by_itself_and_a_steady_board_does_not_drift(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    told: list[float] = []
    pace = sustain(runner_that_takes(lambda now: 0.5), PICTURES, 600, progress=told.append,
                   clock=time, sensors=lambda: SILENT)  # fmt: skip
    assert len(pace.windows) == WINDOWS
    assert (pace.windows[-1].end_s, sum(w.runs for w in pace.windows)) == (600, 1200)
    assert (pace.drift_percent, pace.worst_percent) == (0, 0)
    assert told[-1] == 600 and len(told) <= 600 + WINDOWS


def test_progress_is_told_of_windows_shorter_than_a_second(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    told: list[float] = []
    sustain(runner_that_takes(lambda now: 0.25), PICTURES, 10, progress=told.append, clock=time,
            sensors=lambda: SILENT)  # fmt: skip
    assert told == [0.5 * (n + 1) for n in range(WINDOWS)]


def test_drift_and_the_slowest_window(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    def cost_s(now: float) -> float:
        return 0.1 if now < 30 else 0.2 if now < 300 else 0.15

    pace = sustain(runner_that_takes(cost_s), PICTURES, 600, clock=time, sensors=lambda: SILENT)
    assert pace.drift_percent == pytest.approx(50)
    assert pace.worst_percent == pytest.approx(100)


def test_one_inference_longer_than_a_window_is_still_counted(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    pace = sustain(runner_that_takes(lambda now: 5.0), PICTURES, 20, clock=time,
                   sensors=lambda: SILENT)  # fmt: skip
    assert [w.runs for w in pace.windows] == [1] * WINDOWS


def _hot() -> Iterator[Reading]:
    none: frozenset[str] = frozenset()
    long_ago = frozenset({"under-voltage"})
    yield Reading(50.0, 1500, none, long_ago)
    for index in range(WINDOWS):
        now = frozenset({"soft temperature limit"}) if index == 7 else none
        before = long_ago | ({"throttled"} if index > 10 else none)
        yield Reading(60.0 + index, 1500, now, before)


def test_throttling_between_two_looks_is_seen_and_what_was_before_is_not(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    readings = _hot()
    pace = sustain(runner_that_takes(lambda now: 1.0), PICTURES, 100, clock=time,
                   sensors=lambda: next(readings))  # fmt: skip
    assert pace.throttled == frozenset({"soft temperature limit", "throttled"})
    assert pace.hottest == 79


def test_a_board_that_does_not_tell_is_not_called_cool(
    runner_that_takes: Callable[..., Runner], time: _Time
) -> None:
    pace = sustain(runner_that_takes(lambda now: 1.0), PICTURES, 100, clock=time,
                   sensors=lambda: SILENT)  # fmt: skip
    assert (pace.throttled, pace.hottest) == (None, None)
