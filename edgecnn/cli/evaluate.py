"""``edgecnn evaluate``: the task's metric of a RUN or a bundle on a dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli import evaluate_landmarks
from edgecnn.cli.output import (
    find_bundle,
    json_option,
    note,
    print_json,
    print_table,
    threads_option,
    variant_option,
)
from edgecnn.errors import InputError

if TYPE_CHECKING:
    from edgecnn.data.samples import Fault
    from edgecnn.data.scoring import ClassScore, ReadScore
    from edgecnn.train.evaluate import Row
    from edgecnn_device.runner import Runner


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
    run = Path(model)
    is_run = (run / "recipe.yaml").is_file()
    if is_run and _task_of(run) == "classify":
        _classify((run, *ensemble), dataset, int(crops), strict, as_json)
        return
    if ensemble or crops != "1":
        raise click.UsageError("--ensemble and --crops are for a RUN that classifies")
    if is_run and _task_of(run) == "landmarks":
        evaluate_landmarks.run(run, dataset, strict, as_json)
        return
    if is_run:
        _read_run(run, Path(dataset), as_json)
        return
    from edgecnn_device.runner import open_runner

    runner = open_runner(find_bundle(model), variant, threads)
    match runner.manifest.task:
        case "classify":
            _classify_bundle(runner, dataset, strict, as_json)
        case "landmarks":
            evaluate_landmarks.bundle(runner, dataset, strict, as_json)
        case "read":
            _read_bundle(runner, Path(dataset), as_json)
        case task:
            raise InputError(
                f"{model}: its outputs ({task}) have no metric by themselves: expected a bundle "
                "that reads, classifies or finds landmarks"
            )


def _task_of(run: Path) -> str:
    from edgecnn.train.recipe import load_recipe

    return load_recipe(run / "recipe.yaml").task


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


def _classify_bundle(runner: Runner, name: str, strict: bool, as_json: bool) -> None:
    from edgecnn.data.open import open_dataset
    from edgecnn.data.pictures import usable
    from edgecnn.data.scoring import wilson_interval
    from edgecnn_device.evaluate import evaluate_classifier

    dataset, faults = usable(open_dataset(name), strict)
    score = evaluate_classifier(runner, dataset)
    used = _variant_of(runner)
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


def _read_run(run: Path, dataset: Path, as_json: bool) -> None:
    from edgecnn.data.lines import load_lines
    from edgecnn.data.scoring import score_readings
    from edgecnn.train.run import load_run
    from edgecnn.train.tasks.read import read_lines

    samples, loaded = load_lines(dataset), load_run(run)
    readings = read_lines(loaded.model, samples, loaded.input)
    _print_reading("torch-fp32", score_readings(readings, samples), as_json)


def _read_bundle(runner: Runner, dataset: Path, as_json: bool) -> None:
    from edgecnn.data.lines import load_lines
    from edgecnn_device.evaluate import evaluate_reader

    _print_reading(_variant_of(runner), evaluate_reader(runner, load_lines(dataset)), as_json)


def _variant_of(runner: Runner) -> str:
    return f"{runner.variant.format}-{runner.variant.precision}"


def _print_reading(name: str, score: ReadScore, as_json: bool) -> None:
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
