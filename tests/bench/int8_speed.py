"""Times int8 TFLite MobileNetV2 1.0/224 beside fp32 TFLite and fp32 onnxruntime, one thread.

    python tests/bench/int8_speed.py [--repeats 7]

The files take turns, of one inference, where each finds the caches full of another's weights, and
of ten, as on a device that runs one network. A ratio is that of two medians of one repeat, so what
disturbs one file disturbs the other. Weights from EDGECNN_DATA.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

import numpy as np
from improve import CONVERTERS, load_net, read_inputs, to_torch

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.cli.output import print_table
from edgecnn_device.processor import processor_name
from edgecnn_export.latency import measure_latency
from edgecnn_export.quantize import measure_ranges, quantize

SPEC = InputSpec(width=224, height=224, mean=(127.5,) * 3, std=(127.5,) * 3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    inputs = read_inputs(data, 16)
    net = load_net(data, to_torch(inputs[:2]))
    models: dict[str, tuple[Format, bytes]] = {}
    for kind in ("tflite", "onnx"):
        fp32 = CONVERTERS[kind](net, inputs[:1])
        models[f"{kind}-fp32"] = (kind, fp32)
        ranges = measure_ranges(kind, fp32, inputs, "minmax")
        models[f"{kind}-int8"] = (kind, quantize(kind, fp32, "int8", ranges))
    for in_a_row in (1, 10):
        rounds = [measure_latency(models, SPEC, in_a_row) for _ in range(arguments.repeats)]
        _print(list(models), rounds, in_a_row)


def _print(names: list[str], rounds: list[dict[str, float]], in_a_row: int) -> None:
    rows = []
    for name in names:
        ratios = [r[name] / r["tflite-int8"] for r in rounds]
        ms = statistics.median(r[name] for r in rounds)
        spread = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append([name, f"{ms:.2f}", spread])
    columns = ["", "ms", "times tflite-int8 (least to most)"]
    load = os.getloadavg()[0]
    title = f"{processor_name()}, one thread, turns of {in_a_row}, load {load:.1f}"
    print_table(title, columns, rows)


if __name__ == "__main__":
    main()
