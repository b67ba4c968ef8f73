"""``edgecnn evaluate``: the task's metric of a RUN or a bundle on a dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import (
    find_bundle,
    json_option,
    note,
    print_json,
    print_table,
    threads_option,
    variant_option,
)

if TYPE_CHECKING:
    from edgecnn.data.samples import Fault, LineSample
    from edgecnn.data.scoring import ClassScore
    from edgecnn.train.evaluate import Row
    from edgecnn.vision.ctc import SerialReading


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
@click.option("--strict", is_flag=True, help="An unreadable picture is an error.")
@json_option
def command(
    model: str, dataset: str, variant: str | None, threads: int, ensemble: tuple[Path, ...],
    crops: str, strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Score a RUN (in torch) or a bundle (with the device's runtime) on DATASET, PATH[:split].

    With --ensemble and --crops a RUN that classifies is scored alone, with the crops and together,
    and the table says what each way costs and gains.
    """
    if _is_classifier(Path(model)):
        _classify((Path(model), *ensemble), dataset, int(crops), strict, as_json)
        return
    if ensemble or crops != "1":
        raise click.UsageError("--ensemble and --crops are for a RUN that classifies")
    if not (Path(model) / "recipe.yaml").is_file():
        from edgecnn.bundle.read import read_bundle

        if read_bundle(find_bundle(model)).manifest.task == "classify":
            _classify_bundle(model, dataset, variant, threads, strict, as_json)
            return
    _read(model, Path(dataset), variant, threads, as_json)


def _is_classifier(run: Path) -> bool:
    """Tell, without torch, whether a path is a run that classifies."""
    import yaml

    recipe = run / "recipe.yaml"
    if not recipe.is_file():
        return False
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    return isinstance(content, dict) and content.get("task") == "classify"


def _classify(
    runs: tuple[Path, ...], name: str, crops: int, strict: bool, as_json: bool
) -> None:  # fmt: skip
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn.train.evaluate import evaluate_runs

    dataset, faults = usable(open_dataset(name), strict)
    rows = evaluate_runs(runs, dataset, crops, progress=_progress)
    last = rows[-1]
    if as_json:
        print_json({"task": "classify", "metric": "accuracy", "value": last.score.accuracy,
                    "samples": last.score.samples, "per_class": dict(last.score.per_class),
                    "variant": "torch-fp32", "skipped": len(faults),
                    "ways": [_way(row) for row in rows]})  # fmt: skip
    else:
        _print_rows(rows)
    _end_with(faults)


def _end_with(faults: tuple[Fault, ...]) -> None:
    """Name what was left out; one bad file among several makes the status 2."""
    for fault in faults:
        note(f"edgecnn: {fault.file}: {fault.kind}: {fault.detail}")
    if faults:
        note(f"edgecnn: {len(faults)} samples were left out")
        sys.exit(2)


def _classify_bundle(
    model: str, name: str, variant: str | None, threads: int, strict: bool, as_json: bool
) -> None:  # fmt: skip
    import numpy as np

    from edgecnn.bundle.manifest import LabelsDecode
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import labels_of, usable
    from edgecnn.data.scoring import score_labels, wilson_interval
    from edgecnn.errors import DataError
    from edgecnn_device.runner import open_runner
    from edgecnn_device.tasks.classify import Label

    runner = open_runner(find_bundle(model), variant, threads)
    assert isinstance(runner.manifest.decode, LabelsDecode)
    dataset, faults = usable(open_dataset(name), strict)
    if runner.manifest.decode.labels != dataset.classes:
        raise DataError(
            f"{name}: has the classes {', '.join(dataset.classes)}; {model} knows "
            f"{', '.join(runner.manifest.decode.labels)}"
        )
    found = [next(r.index for r in runner(s.read()) if isinstance(r, Label))
             for s in dataset.samples]  # fmt: skip
    score = score_labels(np.array(found, np.int64), labels_of(dataset), dataset.classes)
    used = f"{runner.variant.format}-{runner.variant.precision}"
    if as_json:
        print_json({"task": "classify", "metric": "accuracy", "value": score.accuracy,
                    "samples": score.samples, "per_class": dict(score.per_class),
                    "variant": used, "skipped": len(faults)})  # fmt: skip
    else:
        low, high = wilson_interval(sum(score.right), score.samples)
        click.echo(f"accuracy {score.accuracy:.4f} ({low:.4f} to {high:.4f}), {used}, "
                   f"n = {score.samples}")  # fmt: skip
        _print_classes(used, score)
    _end_with(faults)


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


def _read(model: str, dataset: Path, variant: str | None, threads: int, as_json: bool) -> None:
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
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.read import read_lines

    loaded = load_run(run)
    return read_lines(loaded.model, samples, loaded.input)


def _read_bundle(
    model: str, samples: list[LineSample], variant: str | None, threads: int
) -> tuple[str, list[SerialReading | None]]:
    from edgecnn_device.runner import open_runner
    from edgecnn_device.tasks.read import serial_of

    runner = open_runner(find_bundle(model), variant, threads)
    readings = [serial_of(runner(s.image)) for s in samples]
    return f"{runner.variant.format}-{runner.variant.precision}", readings
