"""``edgecnn evaluate`` of what gives a picture one label."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.evaluate_common import Asked, end_with, variant_of
from edgecnn.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.scoring import ClassScore
    from edgecnn.train.evaluate import Row
    from edgecnn_device.runner import Runner


def score_run(runs: tuple[Path, ...], asked: Asked) -> None:
    """Score RUNs in torch, alone, with crops and together, and print each way."""
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn.train.evaluate import evaluate_runs

    dataset, faults = usable(open_dataset(asked.dataset), asked.strict)
    rows = evaluate_runs(runs, dataset, asked.crops, progress=_progress)
    last = rows[-1]
    if asked.as_json:
        print_json({"task": "classify", "metric": "accuracy", "value": last.score.accuracy,
                    "samples": last.score.samples, "per_class": dict(last.score.per_class),
                    "variant": "torch-fp32", "skipped": len(faults),
                    "ways": [_way(row) for row in rows]})  # fmt: skip
    else:
        _print_rows(rows)
    end_with(faults)


def score_bundle(runner: Runner, asked: Asked) -> None:
    """Score a bundle, and print it."""
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn.data.scoring import wilson_interval
    from edgecnn_device.evaluate import evaluate_classifier

    dataset, faults = usable(open_dataset(asked.dataset), asked.strict)
    score = evaluate_classifier(runner, dataset)
    used = variant_of(runner)
    if asked.as_json:
        print_json({"task": "classify", "metric": "accuracy", "value": score.accuracy,
                    "samples": score.samples, "per_class": dict(score.per_class),
                    "variant": used, "skipped": len(faults)})  # fmt: skip
    else:
        low, high = wilson_interval(sum(score.right), score.samples)
        click.echo(f"accuracy {score.accuracy:.4f} ({low:.4f} to {high:.4f}), {used}, "
                   f"n = {score.samples}")  # fmt: skip
        _print_classes(used, score)
    end_with(faults)


def _progress(step: str) -> None:
    if sys.stderr.isatty():
        note(f"{step} ...")


def _way(row: Row) -> dict[str, object]:
    gain = None if row.gain is None else 0.0 - row.gain.points
    return {"name": row.name, "value": row.score.accuracy, "passes": row.passes,
            "ms": round(row.ms, 2), "gain": gain}  # fmt: skip


def _print_rows(rows: tuple[Row, ...]) -> None:
    from edgecnn.data.scoring import wilson_interval

    cells = []
    for row in rows:
        low, high = wilson_interval(sum(row.score.right), row.score.samples)
        gain = "" if row.gain is None else (
            f"{0.0 - row.gain.points:+.2f} ({-row.gain.high:+.2f} to {-row.gain.low:+.2f})"
        )  # fmt: skip
        cells.append((row.name, f"{row.score.accuracy:.4f}", f"{low:.4f} to {high:.4f}", gain,
                      str(row.passes), f"{row.ms:.1f}"))  # fmt: skip
    title = f"accuracy, torch-fp32, n = {rows[0].score.samples}"
    columns = ("way", "accuracy", "95 % interval", "gain, points (95 %)", "passes", "ms a picture")
    print_table(title, columns, cells)
    _print_classes(rows[-1].name, rows[-1].score)


def _print_classes(name: str, score: ClassScore) -> None:
    print_table(f"per class, {name}", ("class", "n", "right"), [
        (c, str(score.counts[c]), f"{share:.4f}") for c, share in score.per_class.items()
    ])  # fmt: skip
