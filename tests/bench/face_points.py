"""Finds five points of a face by heat maps and by regression, with the same budget, and compares.

    EDGECNN_DATA=... python tests/bench/face_points.py -o build/faces [--export]

Makes the set of face_crops.py in the folder, unless it is there, trains tests/recipes/faces.yaml by
both methods (train trains, val chooses the epoch; an interrupted script goes on where it was), and
scores each once on the split test, whose people neither has seen. The truth is YuNet's: this
measures agreement with that teacher. With --export the method that is better on val is exported
to ONNX and TFLite, calibrated on training crops, gated by val, and every variant scored on test.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from edgecnn.cli.export_table import show
from edgecnn.cli.output import print_table
from edgecnn.data.landmarks import with_landmarks
from edgecnn.data.open import open_dataset
from edgecnn.data.point_scoring import PointScore
from edgecnn.data.samples import Dataset
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import LoadedRun, is_run, load_run
from edgecnn.train.tasks.landmarks import LandmarksRecipe, evaluate_points
from edgecnn_device.backends import open_backend
from edgecnn_device.evaluate_landmarks import evaluate_landmarks
from edgecnn_device.runner import open_runner
from edgecnn_export import ExportOptions, export
from edgecnn_export.to_onnx import to_onnx

HERE = Path(__file__).parent
RECIPE = HERE.parent / "recipes" / "faces.yaml"
METHODS = ("heatmap", "regression")
CALIBRATION = 200
"""Training crops that set the ranges."""


def train_one(method: str, folder: Path) -> LoadedRun:
    """Train a method, go on with it, or take what is there."""
    run = folder.with_name(f"{folder.name}-{method}")
    keys = (f"model.method={method}", f"data.train={folder}:train",
            f"data.validation={folder}:val")  # fmt: skip
    if not (run / "metrics.json").exists():
        train(load_recipe(RECIPE, keys), run, resume=is_run(run))
    return load_run(run)


def milliseconds(loaded: LoadedRun, rounds: int = 200) -> float:
    """Return the median time of the fp32 ONNX file on one core."""
    spec = loaded.input
    example = np.zeros((1, spec.height, spec.width, spec.channels), np.float32)
    backend = open_backend("onnx", to_onnx(loaded.model, example, outputs=2))
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        backend.run(example)
        taken.append(time.perf_counter() - begun)
    return 1000 * float(np.median(taken))


def row(name: str, score: PointScore) -> list[str]:
    """Return the cells that every table shares."""
    nme = f"{100 * score.nme:.2f} ({100 * score.nme_low:.2f} to {100 * score.nme_high:.2f})"
    shares = (float(np.median(score.errors)), score.pck_5, score.pck_10, score.visibility)
    return [name, nme, f"{100 * shares[0]:.2f}", *(f"{100 * v:.1f}" for v in shares[1:])]


COLUMNS = ["", "NME, % (95 %)", "median, %", "PCK 5 %", "PCK 10 %", "seen or not, %"]


def compare(runs: dict[str, LoadedRun], test: Dataset) -> None:
    """Print both methods on the split test."""
    rows = []
    for method, loaded in runs.items():
        assert isinstance(loaded.recipe, LandmarksRecipe)
        score = evaluate_points(loaded.model, loaded.recipe, test)
        parameters = sum(p.numel() for p in loaded.model.parameters())
        rows.append([*row(method, score), f"{parameters:,}", f"{milliseconds(loaded):.2f}"])
    title = f"points of {score.samples} faces (of {score.unmeasured} more an eye is outside)"
    print_table(title, [*COLUMNS, "parameters", "ms, one core"], rows)


def prove(run: Path, folder: Path, test: Dataset) -> None:
    """Export, and score every variant on the split test."""
    names = sorted((folder / "train").glob("*.jpg"))[:: 8000 // CALIBRATION][:CALIBRATION]
    chosen = run / "calibration.txt"
    chosen.write_text("\n".join(str(path.resolve()) for path in names), encoding="utf-8")
    options = ExportOptions(calibration=chosen, overwrite=True)
    done = export(run, run.with_suffix(".edge"), options, print)
    show(done)
    rows = []
    for variant in ("onnx-fp32", "onnx-int8", "tflite-fp32", "tflite-int8"):
        score = evaluate_landmarks(open_runner(done.bundle, variant), test)
        size = next(v.variant.bytes for v in done.variants
                    if f"{v.variant.format}-{v.variant.precision}" == variant)  # fmt: skip
        rows.append([*row(variant, score), f"{size:,}"])
    print_table(f"{run.name} on {score.samples} faces of the split test", [*COLUMNS, "bytes"], rows)


def main() -> None:
    """Train, compare, export."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--export", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    folder = options.output
    subprocess.run([sys.executable, HERE / "face_crops.py", "-o", folder], check=True)
    runs = {method: train_one(method, folder) for method in METHODS}
    test, _ = with_landmarks(open_dataset(f"{folder}:test"), strict=True)
    compare(runs, test)
    if options.export:
        val, _ = with_landmarks(open_dataset(f"{folder}:val"), strict=True)
        scores = {}
        for method, loaded in runs.items():
            assert isinstance(loaded.recipe, LandmarksRecipe)
            scores[method] = evaluate_points(loaded.model, loaded.recipe, val).nme
        best = min(scores, key=lambda m: scores[m])
        prove(folder.with_name(f"{folder.name}-{best}"), folder, test)


if __name__ == "__main__":
    main()
