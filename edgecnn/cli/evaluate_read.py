"""``edgecnn evaluate`` of what reads serial lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.evaluate_common import Asked, variant_of
from edgecnn.cli.output import print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.scoring import ReadScore
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score the first RUN in torch, and print it."""
    from edgecnn.data.lines import load_lines
    from edgecnn.data.scoring import score_readings
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.read import read_lines

    samples, loaded = load_lines(Path(asked.dataset)), load_run(runs[0])
    readings = read_lines(loaded.model, samples, loaded.input)
    _print("torch-fp32", score_readings(readings, samples), asked.as_json)


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle, and print it."""
    from edgecnn.data.lines import load_lines
    from edgecnn_device.evaluate import evaluate_reader

    score = evaluate_reader(runner, load_lines(Path(asked.dataset)))
    _print(variant_of(runner), score, asked.as_json)


def _print(name: str, score: ReadScore, as_json: bool) -> None:
    from edgecnn.data.scoring import wilson_interval

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
