"""Times runners in turn, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.vision.placement import Size, size_of
from edgecnn.vision.preprocess import Input
from edgecnn_device.backends.open import can_run
from edgecnn_device.choice import Choice
from edgecnn_device.runner import Runner, open_choice

WARM_UP = 10
_LEAST_ROUNDS = 3
_SHORT_ROUNDS, _SHORT_WARM_UP = 20, 2
_SHORT_BUDGET_S = 2.0
"""Of a short measurement; a slow board stops after fewer rounds."""


@dataclass(frozen=True)
class Timed:
    """Of one runner; milliseconds after warm-up."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    """Of the network alone."""
    decode_ms: float
    """Mean from the outputs to the results."""


def open_all(bundle: Bundle, threads: int) -> list[Runner]:
    """Open every variant whose runtime is installed, on the CPU."""
    able = [v for v in bundle.manifest.variants if can_run(v.format)]
    return [open_choice(bundle, Choice(variant), threads) for variant in able]


def in_turn(
    runners: Sequence[Runner],
    pictures: Sequence[NDArray[np.uint8]],
    rounds: int,
    warm_up: int = WARM_UP,
    budget_s: float = float("inf"),
) -> list[Timed]:
    """Run every runner once a round, in an order drawn anew each round.

    The order matters: who follows a large network finds the caches cold.

    Args:
        runners: variants of one bundle.
        pictures: taken in turn.
        rounds: counted after the warm-up.
        warm_up: rounds before.
        budget_s: stop after this time, but not before three rounds.
    """
    inputs = [(runners[0].prepare(picture), size_of(picture)) for picture in pictures]
    shuffle = np.random.default_rng(0)
    times = np.zeros((len(runners), rounds, 2))
    begin, done = time.perf_counter(), 0
    for turn in range(-warm_up, rounds):
        if turn >= _LEAST_ROUNDS and time.perf_counter() - begin > budget_s:
            break
        for index in shuffle.permutation(len(runners)):
            infer, decode = _once(runners[index], *inputs[turn % len(inputs)])
            if turn >= 0:
                times[index, turn] = infer, decode
        done = turn + 1
    return [_timed(row[:done]) for row in 1e3 * times]


def _once(runner: Runner, inputs: Input, size: Size) -> tuple[float, float]:
    start = time.perf_counter()
    outputs = runner.infer(inputs)
    middle = time.perf_counter()
    runner.decode(outputs, size)
    return middle - start, time.perf_counter() - middle


def _timed(times: NDArray[np.float64]) -> Timed:
    p50, p90, p99 = (float(p) for p in np.percentile(times[:, 0], (50, 90, 99)))
    return Timed(p50, p90, p99, float(times[:, 1].mean()))


def _fastest_file(path: Path, threads: int) -> str:
    """Measure for a moment; see `edgecnn_device.once`."""
    bundle = read_bundle(path)
    runners, pictures = open_all(bundle, threads), bundle.golden().pictures
    timed = in_turn(runners, pictures, _SHORT_ROUNDS, _SHORT_WARM_UP, _SHORT_BUDGET_S)
    pairs = zip(runners, timed, strict=True)
    return min(pairs, key=lambda pair: pair[1].p50_ms)[0].variant.file


if __name__ == "__main__":
    print(json.dumps(_fastest_file(Path(sys.argv[1]), int(sys.argv[2]))))
