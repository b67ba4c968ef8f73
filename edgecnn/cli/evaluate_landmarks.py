"""``edgecnn evaluate`` of a RUN or a bundle that finds landmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.point_scoring import PointScore
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


def run(path: Path, name: str, strict: bool, as_json: bool) -> None:
    """Score a RUN in torch."""
    from edgecnn.data.landmarks import with_landmarks
    from edgecnn.data.open import open_dataset
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.landmarks import LandmarksRecipe, evaluate_points

    loaded = load_run(path)
    assert isinstance(loaded.recipe, LandmarksRecipe)
    dataset, faults = with_landmarks(open_dataset(name), strict)
    score = evaluate_points(loaded.model, loaded.recipe, dataset)
    _print(score, "torch-fp32", faults, as_json)


def bundle(runner: Runner, name: str, strict: bool, as_json: bool) -> None:
    """Score a bundle with the device's runtime."""
    from edgecnn.data.landmarks import with_landmarks
    from edgecnn.data.open import open_dataset
    from edgecnn_device.evaluate_landmarks import evaluate_landmarks

    dataset, faults = with_landmarks(open_dataset(name), strict)
    used = f"{runner.variant.format}-{runner.variant.precision}"
    _print(evaluate_landmarks(runner, dataset), used, faults, as_json)


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
    for fault in faults:
        note(f"edgecnn: {fault.file}: {fault.kind}: {fault.detail}")
    if faults:
        note(f"edgecnn: {len(faults)} samples were left out")
        sys.exit(2)
