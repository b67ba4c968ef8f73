"""``edgecnn evaluate`` for the `localize` task."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.cli.evaluate_common import Asked, end_with, variant_of
from edgecnn.cli.output import print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.localization import LocalizationScore
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score a RUN in torch, and print it."""
    from edgecnn.data.localization import single_objects
    from edgecnn.data.open import open_dataset
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.localize import LocalizeRecipe, score_model

    loaded = load_run(runs[0])
    assert isinstance(loaded.recipe, LocalizeRecipe)
    dataset, faults = single_objects(open_dataset(asked.dataset), asked.strict)
    score = score_model(loaded.model, loaded.recipe, dataset)
    _print(score, "torch-fp32", faults, asked.as_json)
    end_with(faults)


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle with the device's runtime, and print it."""
    from edgecnn.data.localization import single_objects
    from edgecnn.data.open import open_dataset
    from edgecnn_device.evaluate import evaluate_localizer

    dataset, faults = single_objects(open_dataset(asked.dataset), asked.strict)
    _print(evaluate_localizer(runner, dataset), variant_of(runner), faults, asked.as_json)
    end_with(faults)


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
