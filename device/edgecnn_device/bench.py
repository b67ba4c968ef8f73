"""Measures the variants of a bundle on this machine, in turn, so that noise hits all alike."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Variant
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import EdgecnnError, MissingExtraError
from edgecnn_device.backends.open import can_run
from edgecnn_device.choice import processor_name, remember_choice, runtime_versions
from edgecnn_device.runner import Runner, open_runner

WARM_UP = 10


@dataclass(frozen=True)
class Measured:
    """One variant on this machine; times in milliseconds of the network alone."""

    variant: Variant
    load_ms: float
    first_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    decode_ms: float
    """Mean time from the outputs to the results, over the golden pictures."""
    peak_mb: float
    """Largest resident memory of a process that runs this variant alone, MiB."""


@dataclass(frozen=True)
class Bench:
    """What `bench` found."""

    machine: str
    runtimes: str
    threads: int
    variants: tuple[Measured, ...]
    chosen: Variant
    """The fastest; every variant of a published bundle passed its gate."""
    remembered: Path | None
    """Where the choice is kept for ``edgecnn run``."""


def bench(path: Path, *, rounds: int = 300, threads: int = 1) -> Bench:
    """Measure every variant whose runtime is installed, and remember the fastest.

    Args:
        path: a bundle.
        rounds: inferences per variant, the variants taking turns.
        threads: of the runtime.

    Raises:
        MissingExtraError: no runtime is installed for any variant.
    """
    bundle = read_bundle(path)
    able = [v for v in bundle.manifest.variants if can_run(v.format)]
    if not able:
        raise MissingExtraError("onnxruntime")
    alone = [_alone(bundle, v, threads) for v in able]
    runners = [open_runner(bundle, f"{v.format}-{v.precision}", threads) for v in able]
    times, decode = _in_turn(runners, bundle.golden().pictures, rounds)
    rows = tuple(_row(v, a, t, d) for v, a, t, d in zip(able, alone, times, decode, strict=True))
    chosen = min(rows, key=lambda r: r.p50_ms).variant
    kept = remember_choice(bundle, threads, chosen)
    return Bench(processor_name(), runtime_versions(), threads, rows, chosen, kept)


def _row(
    variant: Variant, alone: tuple[float, float, float], times: list[float], decode_ms: float
) -> Measured:
    p50, p90, p99 = (float(p) for p in np.percentile(times, (50, 90, 99)))
    load, first, peak = alone
    return Measured(variant, load, first, p50, p90, p99, decode_ms, peak)


def _in_turn(
    runners: list[Runner], pictures: tuple[NDArray[np.uint8], ...], rounds: int
) -> tuple[list[list[float]], list[float]]:
    inputs = [runners[0].prepare(picture) for picture in pictures]
    times: list[list[float]] = [[] for _ in runners]
    decode: list[list[float]] = [[] for _ in runners]
    for turn in range(WARM_UP + rounds):
        for index, runner in enumerate(runners):
            start = time.perf_counter()
            outputs = runner.infer(inputs[turn % len(inputs)])
            middle = time.perf_counter()
            runner.decode(outputs)
            end = time.perf_counter()
            if turn >= WARM_UP:
                times[index].append(1e3 * (middle - start))
                decode[index].append(1e3 * (end - middle))
    return times, [float(np.mean(d)) for d in decode]


def _alone(bundle: Bundle, variant: Variant, threads: int) -> tuple[float, float, float]:
    """Return load ms, first inference ms and peak MiB, from a process of its own."""
    name = f"{variant.format}-{variant.precision}"
    command = [sys.executable, "-m", "edgecnn_device.bench", str(bundle.path), name, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EdgecnnError(f"{name} could not be measured in a process of its own: {last[0]}")
    load, first, peak = json.loads(done.stdout.strip().splitlines()[-1])
    return load, first, peak


def _measure_alone(path: Path, variant: str, threads: int) -> tuple[float, float, float]:
    bundle = read_bundle(path)
    picture = bundle.golden().pictures[0]
    start = time.perf_counter()
    runner = open_runner(bundle, variant, threads)
    loaded = time.perf_counter()
    runner.infer(runner.prepare(picture))
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return 1e3 * (loaded - start), 1e3 * (end - loaded), peak


if __name__ == "__main__":
    print(json.dumps(_measure_alone(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
