"""``edgecnn evaluate`` of what finds boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.evaluate_common import Asked, end_with, variant_of
from edgecnn.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.box_curves import CurvePoint
    from edgecnn.data.box_scoring import BoxScore, ClassBoxScore
    from edgecnn.data.samples import Dataset
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score a RUN in torch, print it, and draw its curves where a folder is given."""
    from edgecnn.train.detection.recipe import DetectRecipe
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.detect import score_model

    loaded = load_run(runs[0])
    recipe = loaded.recipe
    assert isinstance(recipe, DetectRecipe)
    _score(
        asked, recipe.name, "torch-fp32", recipe.suppression.min_score,
        lambda dataset: score_model(loaded.model, recipe, dataset),
    )  # fmt: skip


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle, print it, and draw its curves where a folder is given."""
    from edgecnn.bundle.decode import AnchorsDecode, WindowsDecode
    from edgecnn_device.evaluate import evaluate_detector

    rules = runner.manifest.decode
    assert isinstance(rules, AnchorsDecode | WindowsDecode)
    _score(
        asked, runner.manifest.name, variant_of(runner), rules.suppression.min_score,
        lambda dataset: evaluate_detector(runner, dataset),
    )  # fmt: skip


def _score(
    asked: Asked, name: str, used: str, threshold: float, score_on: Callable[[Dataset], BoxScore]
) -> None:
    """Open the data, score, print and draw.

    Args:
        asked: by the user.
        name: of what is scored.
        used: which variant of it.
        threshold: above which it shows what it finds.
        score_on: scores it on a dataset.
    """
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable_boxes
    from edgecnn.files import refuse_existing

    plot = None if asked.save is None else asked.save / f"precision-recall-{used}.png"
    if plot is not None:
        refuse_existing(plot, asked.overwrite)
    dataset, faults = usable_boxes(open_dataset(asked.dataset), asked.strict)
    score = score_on(dataset)
    if asked.as_json:
        print_json(_as_json(score, used, threshold) | {"skipped": len(faults)})
    else:
        _print(score, used, threshold)
    if plot is not None:
        from edgecnn.data.box_plot import draw_curves
        from edgecnn.files import write_atomic

        title = f"{name}, {used}, on {dataset.name}"
        write_atomic(plot, draw_curves(score, threshold, title), overwrite=asked.overwrite)
        note(f"edgecnn: {plot}")
    end_with(faults)


def _as_json(score: BoxScore, used: str, threshold: float) -> dict[str, object]:
    from edgecnn.data.box_matches import map50_interval

    known = {c.name: c.ap50 for c in score.classes if c.ap50 is not None}
    return {
        "task": "detect", "metric": "map50", "value": score.map50, "samples": score.matches.samples,
        "per_class": known, "variant": used, "interval": map50_interval(score.matches),
        "map50_95": score.map50_95, "boxes": sum(c.boxes for c in score.classes),
        "oriented": score.oriented, "threshold": threshold,
        "classes": [_class_as_json(c, threshold) for c in score.classes],
        **({} if score.points is None else {"points": asdict(score.points)}),
    }  # fmt: skip


def _class_as_json(one: ClassBoxScore, threshold: float) -> dict[str, object]:
    return {
        "name": one.name, "boxes": one.boxes, "ap50": one.ap50, "ap50_95": one.ap50_95,
        "best_f1": _point(one.best), "at_threshold": _point(one.curve.at(threshold)),
    }  # fmt: skip


def _point(point: CurvePoint | None) -> dict[str, float] | None:
    return None if point is None else {**asdict(point), "f1": point.f1}


def _print(score: BoxScore, used: str, threshold: float) -> None:
    from edgecnn.data.box_matches import map50_interval

    low, high = map50_interval(score.matches)
    boxes = sum(c.boxes for c in score.classes)
    click.echo(f"mAP50 {score.map50:.4f} ({low:.4f} to {high:.4f}), mAP50-95 {score.map50_95:.4f}, "
               f"{used}, n = {score.matches.samples} pictures, {boxes} boxes")  # fmt: skip
    if score.points is not None:
        off = score.points
        click.echo(f"points off by {off.error:.4f} of a box's side (median {off.median:.4f}), "
                   f"n = {off.boxes} boxes found, {off.missed} missed")  # fmt: skip
    columns = ("class", "n", "AP50", "AP50-95", "best F1", "at score",
               f"precision from {threshold:g}", f"recall from {threshold:g}")  # fmt: skip
    print_table(f"per class, {used}", columns, [_row(c, threshold) for c in score.classes])


def _row(one: ClassBoxScore, threshold: float) -> tuple[str, ...]:
    best, shown = one.best, one.curve.at(threshold)
    values = (
        one.ap50, one.ap50_95, best and best.f1, best and best.score,
        shown and shown.precision, shown and shown.recall,
    )  # fmt: skip
    return one.name, str(one.boxes), *("" if v is None else f"{v:.4f}" for v in values)
