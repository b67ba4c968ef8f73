"""Times one pass of a convolutional MobileNetV2 beside its windows run one at a time.

    python tests/bench/windows_speed.py [--rounds 5]

MobileNetV2 1.0 with random weights, window 224, stride 32, a picture of 640x480 (126 windows), the
network alone on one thread. The two take turns, and a ratio is that of one round, so that what
disturbs one disturbs the other; the times are processor time too, which other work on the machine
disturbs less.

The arithmetic ratio comes from the layer tables: 126 times the multiplications of one window, over
those of one pass at 640x480. A pass with one answer (as `edgecnn inspect mobilenet_v2 --input
3,480,640`) gives 20.65; with the classifier at each of the 126 positions, as it is needed, 19.00.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
import torch

from edgecnn.cli.output import print_table
from edgecnn.models import create_backbone
from edgecnn.models.base import ConvNet
from edgecnn.models.convolutional import Convolutional
from edgecnn.models.inspect import inspect_module
from edgecnn_device.backends import open_backend
from edgecnn_device.processor import processor_name
from edgecnn_device.windows import window_corners
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

WINDOW, STRIDE, WIDTH, HEIGHT = 224, 32, 640, 480
WANTED = 0.7
"""Share of the arithmetic ratio that the measured one is to reach."""
Run = Callable[[], object]


def measure(slow: Run, fast: Run, rounds: int) -> tuple[list[float], ...]:
    """Return milliseconds of both, in turns: wall and processor time of each."""
    times: tuple[list[float], ...] = ([], [], [], [])
    for turn in range(rounds + 1):
        for index, run in enumerate((slow, fast)):
            wall, own = time.perf_counter(), time.process_time()
            run()
            if turn:
                times[2 * index].append(1e3 * (time.perf_counter() - wall))
                times[2 * index + 1].append(1e3 * (time.process_time() - own))
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    net = cast(ConvNet, create_backbone("mobilenet_v2").eval())
    slid = Convolutional(net, (3, WINDOW, WINDOW))
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(1, HEIGHT, WIDTH, 3)).astype(np.float32)
    corners = window_corners((WIDTH, HEIGHT), (WINDOW, WINDOW), STRIDE)
    cut = np.asarray([picture[0, y : y + WINDOW, x : x + WINDOW] for x, y in corners])
    macs = [inspect_module(m, (3, *sides), "").macs for m, sides in (
        (net, (WINDOW, WINDOW)), (net, (HEIGHT, WIDTH)), (slid, (HEIGHT, WIDTH))
    )]  # fmt: skip
    stated, needed = (len(corners) * macs[0] / m for m in macs[1:])
    window, whole = cut[:1], np.zeros_like(picture)
    files = {
        "onnx, any size": ("onnx", to_onnx(net, window), to_onnx(slid, window, any_size=True)),
        "onnx, 640x480": ("onnx", to_onnx(net, window), to_onnx(slid, whole)),
        "tflite, 640x480": ("tflite", to_tflite(net, window), to_tflite(slid, whole)),
    }
    rows = []
    for name, (kind, one, many) in files.items():
        by_one, at_once = open_backend(kind, one), open_backend(kind, many)  # type: ignore[arg-type]
        times = measure(partial(by_one.run_batch, cut), partial(at_once.run, picture), rounds)
        ratios = [np.divide(times[i], times[i + 2]) for i in (0, 1)]
        wall, own = (float(np.median(r)) for r in ratios)
        rows.append([
            name, f"{np.median(times[0]):.0f}", f"{np.median(times[2]):.1f}",
            f"{wall:.1f} ({ratios[0].min():.1f} to {ratios[0].max():.1f})", f"{own:.1f}",
            f"{own / stated:.0%}", f"{own / needed:.0%}",
        ])  # fmt: skip
    columns = ["", "windows, ms", "one pass, ms", "ratio (least to most)", "in processor time",
               f"of {stated:.2f}", f"of {needed:.2f}"]  # fmt: skip
    title = (f"{len(corners)} windows of {macs[0] / 1e6:.1f} M multiplications; one pass "
             f"{macs[1] / 1e6:.1f} M, with {len(corners)} answers {macs[2] / 1e6:.1f} M; wanted: "
             f"{WANTED:.0%}\n{processor_name()}, one thread, {rounds} rounds, load "
             f"{os.getloadavg()[0]:.1f}")  # fmt: skip
    print_table(title, columns, rows)


if __name__ == "__main__":
    main()
