"""Random, hard and semi-hard triplets on the same budget, several seeds each.

    python tests/bench/faces_data.py -o build/faces --orl
    python tests/bench/triplets.py -o build/triplets [--seeds 3] [--set optimizer.samples=48000]

30 people of ORL train and the other 10, drawn by the seed, are scored; nothing is chosen by them,
since every run keeps its last epoch. Of one seed all choices have the same people. RUNS keeps every
run: an interrupted script goes on where it was. A choice stalls where its loss has nearly nothing
left (below a tenth of its first epoch's) while people are not yet told apart as well as by another.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.cli.output import print_table
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import is_run

RECIPE = Path(__file__).parents[2] / "edgecnn" / "zoo" / "recipes" / "face-triplets.yaml"
CHOICES = ("random", "hard", "semi_hard")


@dataclass(frozen=True)
class Outcome:
    """What a run ended with."""

    tar: float
    """True-accept rate at a false-match rate of 1e-2."""
    eer: float
    first: float
    """Mean loss of the first epoch."""
    last: float


def train_one(run: Path, choice: str, seed: int, sets: Sequence[str]) -> Outcome:
    """Train a run, go on with it, or read what it left."""
    recipe = load_recipe(RECIPE, (*sets, f"loss.choice={choice}", f"seed={seed}"))
    if not (run / "metrics.json").exists():
        train(recipe, run, resume=is_run(run))
    rows = list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))
    tar, eer = float(rows[-1]["validation"]), float(rows[-1]["validation_loss"])
    return Outcome(tar, eer, float(rows[0]["loss"]), float(rows[-1]["loss"]))


def main() -> None:
    """Train every choice and seed, in turn, and print means and spreads."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    options = parser.parse_args()
    found: dict[str, list[Outcome]] = {choice: [] for choice in CHOICES}
    for seed in range(1, options.seeds + 1):
        for choice in CHOICES:
            run = options.output / f"{choice}-{seed}"
            outcome = train_one(run, choice, seed, options.sets)
            found[choice].append(outcome)
            print(f"{run.name}: {outcome}", flush=True)
    rows = [[choice, *(said(values) for values in zip(*map(numbers, outcomes), strict=True))]
            for choice, outcomes in found.items()]  # fmt: skip
    print_table(f"triplets, {options.seeds} seeds: mean (least to most)",
                ("choice", "TAR at FMR 1e-2", "EER", "loss, first epoch", "loss, last epoch"),
                rows)  # fmt: skip


def numbers(outcome: Outcome) -> tuple[float, ...]:
    """Return the columns of a run."""
    return outcome.tar, outcome.eer, outcome.first, outcome.last


def said(values: Sequence[float]) -> str:
    """Return mean and range."""
    return f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


if __name__ == "__main__":
    main()
