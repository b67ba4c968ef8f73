"""Trains a small net on 300 pictures with and without augmentation and dropout, several seeds each.

    EDGECNN_DATA=... python tests/bench/small_data.py -o RUNS [--seeds 5] [--epochs 40]

The training split trains, the validation split chooses the epoch, the test split is scored once
per run. RUNS keeps every run: an interrupted script goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import product
from pathlib import Path

from edgecnn.data.open import open_dataset
from edgecnn.train.evaluate import evaluate_runs
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import is_run

RECIPES = Path(__file__).parents[2] / "edgecnn" / "zoo" / "recipes"


def main() -> None:
    """Train every way and seed, and print mean and spread on the test split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    test = open_dataset(f"{RECIPES / 'sign-digits-set.yaml'}:test")
    print(f"augmentation  dropout  accuracy on {len(test.samples)} test pictures, mean and spread")
    for augmentation, dropout in product((False, True), (False, True)):
        scores = []
        for seed in range(1, options.seeds + 1):
            run = options.output / f"augment-{augmentation}-dropout-{dropout}-{seed}"
            _train(run, seed, options.epochs, augmentation, dropout)
            scores.append(evaluate_runs([run], test)[0].score.accuracy)
        mean, spread = statistics.mean(scores), statistics.stdev(scores)
        every = " ".join(f"{s:.2f}" for s in scores)
        print(
            f"{augmentation!s:12}  {dropout!s:7}  {mean:.3f} +- {spread:.3f}  ({every})", flush=True
        )


def _train(run: Path, seed: int, epochs: int, augmentation: bool, dropout: bool) -> None:
    split = RECIPES / "sign-digits-set.yaml"
    keys = [f"seed={seed}", f"optimizer.epochs={epochs}", f"data.train={split}:train",
            f"data.validation={split}:validation"]  # fmt: skip
    keys += [] if augmentation else ["data.augment={}"]
    keys += [] if dropout else ["model.options.dropout=0"]
    recipe = load_recipe(RECIPES / "sign-digits.yaml", tuple(keys))
    if not (run / "metrics.json").exists():
        train(recipe, run, resume=is_run(run))


if __name__ == "__main__":
    main()
