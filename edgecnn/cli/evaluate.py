"""``edgecnn evaluate``: the task's metric of a RUN or a bundle on a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from edgecnn.cli import (
    evaluate_classify,
    evaluate_detect,
    evaluate_embed,
    evaluate_landmarks,
    evaluate_localize,
    evaluate_read,
)
from edgecnn.cli.evaluate_common import Asked
from edgecnn.cli.output import find_bundle, json_option, threads_option, variant_option
from edgecnn.errors import InputError

if TYPE_CHECKING:
    from edgecnn_device.runner import Runner

_Scorer = TypeVar("_Scorer")

_OF_RUNS: Mapping[str, Callable[[tuple[Path, ...], Asked], None]] = {
    "classify": evaluate_classify.score_run,
    "detect": evaluate_detect.score_run,
    "embed": evaluate_embed.score_run,
    "landmarks": evaluate_landmarks.score_run,
    "localize": evaluate_localize.score_run,
    "read": evaluate_read.score_run,
}
_OF_BUNDLES: Mapping[str, Callable[[Runner, Asked], None]] = {
    "classify": evaluate_classify.score_bundle,
    "detect": evaluate_detect.score_bundle,
    "embed": evaluate_embed.score_bundle,
    "landmarks": evaluate_landmarks.score_bundle,
    "localize": evaluate_localize.score_bundle,
    "read": evaluate_read.score_bundle,
}


@click.command("evaluate")
@click.argument("model", metavar="RUN|BUNDLE")
@click.argument("dataset", metavar="DATASET")
@variant_option
@threads_option
@click.option(
    "--ensemble", multiple=True, metavar="RUN", type=click.Path(path_type=Path, file_okay=False),
    help="A further RUN whose probabilities are averaged with the first's; repeatable.",
)  # fmt: skip
@click.option(
    "--crops", type=click.Choice(["1", "2", "5", "10"]), default="1", show_default=True,
    help="Looks at each picture: 2 adds the mirror, 5 the corners, 10 both.",
)  # fmt: skip
@click.option(
    "--save", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Write the precision-recall curves of a detector there.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what --save wrote before.")
@click.option("--strict", is_flag=True, help="An unreadable picture is an error.")
@json_option
def command(
    model: str, dataset: str, variant: str | None, threads: int, ensemble: tuple[Path, ...],
    crops: str, save: Path | None, overwrite: bool, strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Score a RUN (in torch) or a bundle (with the device's runtime) on DATASET, PATH[:split].

    With --ensemble and --crops a RUN that classifies is scored alone, with the crops and together,
    and the table says what each way costs and gains. A detector is scored on what it finds down to
    a score of 0.001, at most 100 boxes a picture, as COCO does.
    """
    run = Path(model)
    is_run = (run / "recipe.yaml").is_file()
    task = _task_of(run) if is_run else ""
    if (ensemble or crops != "1") and task != "classify":
        raise click.UsageError("--ensemble and --crops are for a RUN that classifies")
    asked = Asked(dataset, strict, as_json, int(crops), save, overwrite)
    if is_run:
        _refuse_plot(asked, task)
        _scorer(_OF_RUNS, model, task)((run, *ensemble), asked)
        return
    from edgecnn_device.runner import open_runner

    runner = open_runner(find_bundle(model), variant, threads)
    task = runner.manifest.task
    _refuse_plot(asked, task)
    _scorer(_OF_BUNDLES, model, task)(runner, asked)


def _task_of(run: Path) -> str:
    from edgecnn.train.recipe import load_recipe

    return load_recipe(run / "recipe.yaml").task


def _refuse_plot(asked: Asked, task: str) -> None:
    if asked.save is not None and task != "detect":
        raise click.UsageError(f"--save is for what detects: there is nothing to draw of {task}")


def _scorer(known: Mapping[str, _Scorer], model: str, task: str) -> _Scorer:
    if task not in known:
        raise InputError(
            f"{model}: its outputs ({task}) have no metric by themselves: expected a task of "
            f"{', '.join(known)}"
        )
    return known[task]
