"""``edgecnn evaluate``: the task's metric of a RUN or a bundle on a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import (
    find_bundle,
    json_option,
    print_json,
    print_table,
    threads_option,
    variant_option,
)

if TYPE_CHECKING:
    from edgecnn.data.samples import LineSample
    from edgecnn.vision.ctc import SerialReading


@click.command("evaluate")
@click.argument("model", metavar="RUN|BUNDLE")
@click.argument("dataset", type=click.Path(path_type=Path))
@variant_option
@threads_option
@json_option
def command(model: str, dataset: Path, variant: str | None, threads: int, as_json: bool) -> None:
    """Score a RUN (in torch) or a bundle (with the device's runtime) on DATASET."""
    from edgecnn.data.lines import load_lines
    from edgecnn.data.scoring import score_readings, wilson_interval

    samples = load_lines(dataset)
    if (Path(model) / "recipe.yaml").is_file():
        name, readings = "torch-fp32", _read_run(Path(model), samples)
    else:
        name, readings = _read_bundle(model, samples, variant, threads)
    score = score_readings(readings, samples)
    if as_json:
        print_json({"task": "read", "metric": "serial_exact", "value": score.exact,
                    "samples": score.samples, "wrong": score.wrong,
                    "per_class": dict(score.per_currency), "variant": name})  # fmt: skip
        return
    rows = []
    for currency, share in (*score.per_currency.items(), ("all", score.exact)):
        n = score.counts.get(currency, score.samples)
        low, high = wilson_interval(round(share * n), n)
        rows.append((currency, str(n), f"{share:.4f}", f"{low:.4f} to {high:.4f}"))
    print_table(f"serial_exact, {name}", ("currency", "n", "exact", "95 % interval"), rows)
    click.echo(f"{score.wrong} of {score.samples} gave another serial, "
               f"{score.samples - score.wrong - sum(score.right)} gave none.")  # fmt: skip


def _read_run(run: Path, samples: list[LineSample]) -> list[SerialReading | None]:
    from edgecnn.train.checkpoint import WEIGHTS, load_weights
    from edgecnn.train.read import build_reader, read_lines
    from edgecnn.train.recipe import load_recipe

    recipe = load_recipe(run / "recipe.yaml")
    network = build_reader(recipe)
    load_weights(network, run / WEIGHTS)
    return read_lines(network, samples, recipe.input)


def _read_bundle(
    model: str, samples: list[LineSample], variant: str | None, threads: int
) -> tuple[str, list[SerialReading | None]]:
    from edgecnn_device.runner import open_runner

    runner = open_runner(find_bundle(model), variant, threads)
    readings = [next(iter(runner(s.image)), None) for s in samples]
    return f"{runner.variant.format}-{runner.variant.precision}", readings
