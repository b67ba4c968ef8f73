"""Compares exports with and without baked normalization: float outputs and int8 decisions.

    python tests/bench/bake.py RUN --calibration DATASET --evaluate DATASET [--pictures 10000]

Nothing is chosen by the pictures that are compared.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from edgecnn.cli.output import print_table
from edgecnn.data.open import open_dataset
from edgecnn_device.runner import open_runner
from edgecnn_export import ExportOptions, export


def main() -> None:
    """Export twice, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--evaluate", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=10_000)
    arguments = parser.parse_args()
    pictures = open_dataset(arguments.evaluate).samples[: arguments.pictures]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bundles = {}
        for bake in (False, True):
            options = ExportOptions(
                calibration=arguments.calibration, samples=100, evaluate=arguments.evaluate,
                bake=bake, ladder=False, max_drop=100.0, method="minmax",
            )  # fmt: skip
            out = Path(folder) / f"{bake}.edge"
            bundles[bake] = export(arguments.run, out, options, lambda line: None).bundle
        for name in ("tflite-fp32", "onnx-fp32", "tflite-int8", "onnx-int8"):
            runners = [open_runner(bundles[bake], name) for bake in (False, True)]
            worst, same = 0.0, 0
            for sample in pictures:
                image = sample.read()
                a, b = (r.infer(r.prepare(image))[0] for r in runners)
                worst = max(worst, float(np.abs(a - b).max()))
                same += int(a.argmax() == b.argmax())
            rows.append([name, f"{worst:.2e}", f"{100 * same / len(pictures):.2f}"])
            print(rows[-1], flush=True)
    columns = ["variant", "largest difference", "same decision, %"]
    print_table(f"{arguments.run.name}, {len(pictures)} pictures", columns, rows)


if __name__ == "__main__":
    main()
