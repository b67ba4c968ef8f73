"""``edgecnn evaluate`` of a RUN or a bundle that finds landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.evaluate_common import Asked, end_with, variant_of
from edgecnn.cli.output import print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.point_scoring import PointScore
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score a RUN in torch, and print it."""
    from edgecnn.data.landmarks import with_landmarks
    from edgecnn.data.open import open_dataset
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.landmarks import LandmarksRecipe, evaluate_points

    loaded = load_run(runs[0])
    assert isinstance(loaded.recipe, LandmarksRecipe)
    dataset, faults = with_landmarks(open_dataset(asked.dataset), asked.strict)
    score = evaluate_points(loaded.model, loaded.recipe, dataset)
    _print(score, "torch-fp32", faults, asked.as_json)


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle with the device's runtime, and print it."""
    from edgecnn.data.landmarks import with_landmarks
    from edgecnn.data.open import open_dataset
    from edgecnn_device.evaluate_landmarks import evaluate_landmarks

    dataset, faults = with_landmarks(open_dataset(asked.dataset), asked.strict)
    _print(evaluate_landmarks(runner, dataset), variant_of(runner), faults, asked.as_json)


def _print(score: PointScore, variant: str, faults: tuple[Fault, ...], as_json: bool) -> None:
    if as_json:
        print_json({"task": "landmarks", "metric": "pck_5", "value": score.pck_5,
                    "samples": score.samples, "per_class": dict(score.per_point),
                    "variant": variant, "skipped": len(faults), "unmeasured": score.unmeasured,
                    "pck_10": score.pck_10, "visibility": score.visibility,
                    "unseen": score.unseen, "nme": {"mean": score.nme, "low": score.nme_low,
                                                    "high": score.nme_high}})  # fmt: skip
    else:
        rows = [
            ("NME, % of the normalizer", f"{100 * score.nme:.3f}",
             f"{100 * score.nme_low:.3f} to {100 * score.nme_high:.3f}"),
            ("PCK within 5 %", f"{score.pck_5:.4f}", ""),
            ("PCK within 10 %", f"{score.pck_10:.4f}", ""),
            ("visibility", f"{score.visibility:.4f}", f"{score.unseen} points unseen"),
        ]  # fmt: skip
        print_table(f"{variant}, n = {score.samples}", ("", "value", "95 % interval"), rows)
        print_table("per point, within 5 %", ("point", "right"),
                    [(n, f"{share:.4f}") for n, share in score.per_point.items()])  # fmt: skip
        if score.unmeasured:
            click.echo(f"{score.unmeasured} further pictures without a visible point, or with one "
                       "of the normalizer unseen, count for the visibility alone.")  # fmt: skip
    end_with(faults)
