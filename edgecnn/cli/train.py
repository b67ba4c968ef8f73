"""``edgecnn train``: a network from a recipe."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgecnn.cli.output import json_option, print_json


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
@json_option
def command(
    recipe: Path, run: Path, overrides: tuple[str, ...], resume: bool, as_json: bool
) -> None:
    """Train the network of RECIPE.yaml."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from edgecnn.train.loop import train
    from edgecnn.train.recipe import load_recipe

    resolved = load_recipe(recipe, overrides)
    bar = Progress(
        TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("lines", total=resolved.optimizer.samples)

        def show(seen: int, total: int, loss: float) -> None:
            bar.update(task, completed=seen, total=total, description=f"loss {loss:.3f}")

        done = train(resolved, run, resume=resume, report=show)
    if as_json:
        best = {"epoch": done.best_epoch, "metric": done.metric, "value": done.value}
        print_json({"run": str(done.run), "epochs": done.epochs, "best": best,
                    "seconds": round(done.seconds, 1)})  # fmt: skip
    else:
        click.echo(f"{done.run}: {done.epochs} epochs, {done.metric} {done.value:.4f} on the "
                   f"validation split, {done.seconds:.0f} s")  # fmt: skip
