"""``edgecnn evaluate`` of a RUN or a bundle that turns pictures of people into vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.evaluate_common import Asked, end_with, variant_of
from edgecnn.cli.output import print_json

if TYPE_CHECKING:
    from edgecnn.data.pair_scoring import AllPairsScore
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score a RUN in torch, and print it."""
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.embed import score_model

    loaded = load_run(runs[0])
    dataset, faults = usable(open_dataset(asked.dataset), asked.strict)
    _print(score_model(loaded.model, loaded.input, dataset), "torch-fp32", faults, asked.as_json)


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle with the device's runtime, and print it."""
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn_device.evaluate_embed import evaluate_embedder

    dataset, faults = usable(open_dataset(asked.dataset), asked.strict)
    _print(evaluate_embedder(runner, dataset), variant_of(runner), faults, asked.as_json)


def _print(score: AllPairsScore, variant: str, faults: tuple[Fault, ...], as_json: bool) -> None:
    from edgecnn.data.pair_scoring import METRIC

    low, high = score.interval
    same = int(score.pairs.sum())
    if as_json:
        print_json({"task": "embed", "metric": METRIC, "value": score.tar,
                    "samples": score.pictures, "per_class": {}, "variant": variant,
                    "skipped": len(faults), "low": low, "high": high, "eer": score.eer,
                    "threshold": score.threshold, "people": score.people,
                    "pairs": {"same": same, "different": score.different}})  # fmt: skip
    else:
        click.echo(f"TAR at FMR 1e-2 {score.tar:.4f} ({low:.4f} to {high:.4f}, people drawn again)"
                   f", equal error rate {score.eer:.4f}, {variant}")  # fmt: skip
        click.echo(
            f"{score.pictures} pictures of {score.people} people: {same} pairs of one person, "
            f"{score.different} of two; cosine above {score.threshold:.4f}"
        )
    end_with(faults)
