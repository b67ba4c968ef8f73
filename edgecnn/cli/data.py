"""``edgecnn data``: ground-truth checks, and generated data."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.check import CheckReport
    from edgecnn.data.samples import Dataset


@click.group("data")
def command() -> None:
    """Check data, and generate it."""


@command.command("check")
@click.argument("dataset")
@click.option(
    "--save",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw the pictures with faults into faults.png in this folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier faults.png.")
@json_option
def check(dataset: str, save: Path | None, overwrite: bool, as_json: bool) -> None:
    """Check the ground truth of DATASET, which is PATH or PATH:split.

    PATH is a folder with a folder per class, with labels.csv, of VOC, COCO or idx files; an
    archive of one (tar, zip); or a yaml that describes a set. Without a split all of them are
    checked, for pictures that are in two as well. The exit status is 1 where there is a fault.
    """
    from edgecnn.data.check import check as run_check
    from edgecnn.data.open import open_splits
    from edgecnn.errors import GateError
    from edgecnn.files import refuse_existing

    if save is not None:
        refuse_existing(save / "faults.png", overwrite)
    splits = open_splits(dataset)
    with _progress() as progress:
        report = run_check(splits, progress)
    if save is not None:
        _save_sheet(save / "faults.png", splits, report, overwrite)
    if as_json:
        faults = [{"file": f.file, "kind": f.kind, "detail": f.detail} for f in report.faults]
        print_json({"samples": report.samples, "faults": faults})
    else:
        _print_report(dataset, report)
    if report.faults:
        number = len(report.faults)
        what = "fault" if number == 1 else "faults"
        raise GateError(f"{dataset}: {number} {what} in {report.samples} samples")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("pictures", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_report(dataset: str, report: CheckReport) -> None:
    from rich.markup import escape

    if not report.faults:
        click.echo(f"{dataset}: {report.samples} samples, no faults")
        return
    rows = [(escape(f.file), f.kind, escape(f.detail)) for f in report.faults]
    print_table(escape(dataset), ("file", "kind", "detail"), rows)
    counts = Counter(fault.kind for fault in report.faults)
    print_table("", ("kind", "faults"), [(kind, str(n)) for kind, n in sorted(counts.items())])


def _save_sheet(
    path: Path, splits: Sequence[Dataset], report: CheckReport, overwrite: bool
) -> None:
    import cv2

    from edgecnn.cli.output import note
    from edgecnn.data.sheet import fault_sheet
    from edgecnn.files import write_atomic

    sheet = fault_sheet(splits, report.faults)
    if sheet is None:
        note(f"{path}: not written: no picture has a fault")
        return
    write_atomic(path, cv2.imencode(".png", sheet)[1].tobytes(), overwrite=overwrite)


@command.command("synth")
@click.argument("kind", type=click.Choice(["serial-lines", "shapes", "landmarks"]))
@click.option(
    "-n", "--number", required=True, type=click.IntRange(min=1), help="How many pictures."
)
@click.option(
    "--seed", required=True, type=click.IntRange(min=0), help="Equal seeds, equal pictures."
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that gets the pictures and their labels; must not exist.",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="serial-lines: a yaml with fonts, backgrounds and camera; default: fonts that pip brings.",
)
@json_option
def synth(
    kind: str, number: int, seed: int, output: Path, profile: Path | None, as_json: bool
) -> None:
    """Draw labelled pictures of KIND.

    serial-lines: serial numbers; shapes: a folder per class; landmarks: heads with five points, as
    COCO keypoints.
    """
    from edgecnn.data.synth.heads import write_heads
    from edgecnn.data.synth.shapes import write_shapes
    from edgecnn.data.synth.write import load_profile, write_lines

    if kind != "serial-lines" and profile is not None:
        raise click.UsageError("--profile is for serial-lines")
    if kind == "shapes":
        written = write_shapes(output, number, seed)
    elif kind == "landmarks":
        written = write_heads(output, number, seed)
    else:
        written = write_lines(output, number, seed, load_profile(profile))
    if as_json:
        print_json({"folder": str(output), "kind": kind, "pictures": written, "seed": seed})
    else:
        click.echo(f"{output}: {written} labelled pictures")
