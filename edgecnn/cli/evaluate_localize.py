"""``edgecnn evaluate`` for the `localize` task."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.cli.output import print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.localization import LocalizationScore
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


def evaluate_run(run: Path, name: str, strict: bool, as_json: bool) -> tuple[Fault, ...]:
    """Score a RUN in torch; return what was left out."""
    from edgecnn.data.localization import single_objects
    from edgecnn.data.open import open_dataset
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.localize import LocalizeRecipe, score_model

    loaded = load_run(run)
    assert isinstance(loaded.recipe, LocalizeRecipe)
    dataset, faults = single_objects(open_dataset(name), strict)
    score = score_model(loaded.model, loaded.recipe, dataset)
    _print(score, "torch-fp32", faults, as_json)
    return faults


def evaluate_bundle(runner: Runner, name: str, strict: bool, as_json: bool) -> tuple[Fault, ...]:
    """Score a bundle with the device's runtime; return what was left out."""
    from edgecnn.data.localization import single_objects
    from edgecnn.data.open import open_dataset
    from edgecnn_device.evaluate import evaluate_localizer

    dataset, faults = single_objects(open_dataset(name), strict)
    used = f"{runner.variant.format}-{runner.variant.precision}"
    _print(evaluate_localizer(runner, dataset), used, faults, as_json)
    return faults


def _print(
    score: LocalizationScore, variant: str, faults: tuple[Fault, ...], as_json: bool
) -> None:
    if as_json:
        print_json({"task": "localize", "metric": "localization_iou", "value": score.value,
                    "samples": len(score.graded), "per_class": score.per_class,
                    "figures": {f.name: asdict(f) for f in score.figures}, "variant": variant,
                    "skipped": len(faults)})  # fmt: skip
        return
    rows = [(f.name, str(f.samples), f"{f.value:.4f}", f"{f.low:.4f} to {f.high:.4f}")
            for f in score.figures]  # fmt: skip
    title = f"localization_iou {score.value:.4f}, {variant}, n = {len(score.graded)}"
    print_table(title, ("figure", "n", "value", "95 % interval"), rows)
    print_table("per class", ("class", "n", "localization_iou"), [
        (c, str(score.counts[c]), f"{value:.4f}") for c, value in score.per_class.items()
    ])  # fmt: skip
