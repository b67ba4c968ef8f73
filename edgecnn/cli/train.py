"""``edgecnn train``: a network from a recipe."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgecnn.cli.output import json_option, note, print_json


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    "run",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The RUN: checkpoint, resolved recipe, metrics.json, log.csv.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the recipe, e.g. optimizer.samples=1000.",
)
@click.option("--resume", is_flag=True, help="Continue an interrupted RUN to the same result.")
@click.option(
    "--allow-pickle", is_flag=True,
    help="Read model.weights from a pickle too: only from a source you trust.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="An unreadable picture is an error.")
@json_option
def command(
    recipe: Path, run: Path, overrides: tuple[str, ...], resume: bool, allow_pickle: bool,
    strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train the network of RECIPE.yaml.

    Under torchrun (torchrun --nproc-per-node 2 -m edgecnn train ...) the processes share each
    batch.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from edgecnn.train.loop import Step, train
    from edgecnn.train.recipe import load_recipe

    permitted = ("model.weights.allow_pickle=true",) if allow_pickle else ()
    resolved = load_recipe(recipe, (*overrides, *permitted))
    bar = Progress(
        TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("opening the data", total=None)

        def show(step: Step) -> None:
            bar.update(task, completed=step.seen, total=step.total,
                       description=f"{step.unit}, loss {step.loss:.3f}")  # fmt: skip

        done = train(resolved, run, resume=resume, strict=strict, report=show, notice=note)
    if not done.first:
        return  # under torchrun one process speaks
    if as_json:
        best = {"epoch": done.best_epoch, "metric": done.metric, "value": done.value}
        print_json({"run": str(done.run), "epochs": done.epochs, "best": best,
                    "seconds": round(done.seconds, 1)})  # fmt: skip
    else:
        click.echo(f"{done.run}: {done.epochs} epochs, {done.metric} {done.value:.4f} on the "
                   f"validation split, {done.seconds:.0f} s")  # fmt: skip
    if done.faults:
        note(f"edgecnn: {len(done.faults)} samples were left out: edgecnn data check says more")
        sys.exit(2)
