"""What a detector costs on one core, step by step: prints a table.

    python tests/bench/detector_cost.py cells.edge bccd:test

Every variant sees the same pictures in turn, with one thread; medians of milliseconds. Preparation
is the resize and normalization of a decoded picture, decoding all that follows the network: scores,
boxes, suppression, and the way back to pixels of the picture.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from edgecnn.bundle.read import read_bundle
from edgecnn.data.open import open_dataset
from edgecnn.vision.placement import size_of
from edgecnn_device.processor import processor_name
from edgecnn_device.runner import Runner, open_runner


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    bundle = read_bundle(given.bundle)
    names = [f"{v.format}-{v.precision}" for v in bundle.manifest.variants]
    runners = [open_runner(bundle, name) for name in names]
    pictures = [s.read() for s in open_dataset(given.dataset).samples[: given.pictures]]
    times: list[list[tuple[float, float, float]]] = [[] for _ in names]
    found = 0
    for turn in range(-1, given.rounds):
        for picture in pictures:
            for index, runner in enumerate(runners):
                step, count = _once(runner, picture)
                if turn >= 0:  # the first round warms up
                    times[index].append(step)
                    found += count
    spec = bundle.manifest.input
    print(f"{processor_name()}, one thread, input {spec.width} x {spec.height}, "
          f"{len(pictures)} pictures, {given.rounds} rounds, "
          f"{found / (given.rounds * len(pictures) * len(names)):.1f} boxes a picture")  # fmt: skip
    print(f"{'variant':14} {'prepare':>8} {'network':>8} {'decode':>8} {'net + dec':>9} {'all':>8}")
    for name, rows in zip(names, times, strict=True):
        steps = np.array(rows)
        columns = (*steps.T, steps[:, 1:].sum(1), steps.sum(1))
        cells = " ".join(f"{np.median(column):8.2f}" for column in columns)
        print(f"{name:14} {cells}")


def _once(runner: Runner, picture: np.ndarray) -> tuple[tuple[float, float, float], int]:
    begin = time.perf_counter()
    inputs = runner.prepare(picture)
    ready = time.perf_counter()
    outputs = runner.infer(inputs)
    done = time.perf_counter()
    found = runner.decode(outputs, size_of(picture))
    end = time.perf_counter()
    return (1e3 * (ready - begin), 1e3 * (done - ready), 1e3 * (end - done)), len(found)


if __name__ == "__main__":
    main()
