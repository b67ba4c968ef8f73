"""``edgecnn data``: ground-truth checks, and generated data."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from edgecnn.cli.output import json_option, note, parse_shape, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.data.check import CheckReport
    from edgecnn.data.samples import Dataset


@click.group("data")
def command() -> None:
    """Check data, generate it, and find anchor boxes for it."""


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

    from edgecnn.data.sheet import fault_sheet
    from edgecnn.files import write_atomic

    sheet = fault_sheet(splits, report.faults)
    if sheet is None:
        note(f"{path}: not written: no picture has a fault")
        return
    write_atomic(path, cv2.imencode(".png", sheet)[1].tobytes(), overwrite=overwrite)


@command.command("anchors")
@click.argument("dataset")
@click.option(
    "-n", "--number", default=6, show_default=True, type=click.IntRange(min=1),
    help="How many anchors.",
)  # fmt: skip
@click.option(
    "--input", "shape", default="3,320,320", show_default=True, metavar="C,H,W",
    callback=parse_shape,
    help="Of the network: anchors are in its pixels.",
)  # fmt: skip
@click.option(
    "--resize", type=click.Choice(["stretch", "letterbox"]), default="stretch", show_default=True,
    help="How pictures get to that size.",
)  # fmt: skip
@click.option("--oriented", is_flag=True, help="Sizes along the boxes' own axes.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@json_option
def anchors(
    dataset: str, number: int, shape: tuple[int, int, int],
    resize: Literal["stretch", "letterbox"], oriented: bool, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Find anchor boxes for DATASET (PATH[:split]) by k-means under 1 - IoU.

    The smallest comes first. The mean IoU says how well the boxes are met; a recipe with
    anchors.sizes left out finds its own in the same way.
    """
    from edgecnn.bundle.manifest import InputSpec
    from edgecnn.data.anchors import box_sizes, find_anchors
    from edgecnn.data.check import without_degenerate_boxes
    from edgecnn.data.open import open_dataset

    _, height, width = shape
    spec = InputSpec(width=width, height=height, mean=(0, 0, 0), std=(1, 1, 1), resize=resize)
    found, faults = without_degenerate_boxes(open_dataset(dataset))
    for fault in faults:
        note(f"edgecnn: {fault.file}: {fault.detail}: left out")
    best = find_anchors(box_sizes(found, spec, oriented), number, seed)
    sizes = best.sizes.round(1).tolist()
    if as_json:
        print_json({"anchors": sizes, "mean_iou": round(best.mean_iou, 4), "boxes": best.boxes})
        return
    rows = [(f"{w:g}", f"{h:g}") for w, h in sizes]
    print_table(f"anchors for {width} x {height}, pixels", ("width", "height"), rows)
    click.echo(f"mean IoU {best.mean_iou:.3f} over {best.boxes} boxes")


@command.command("synth")
@click.argument(
    "kind", type=click.Choice(["serial-lines", "notes", "shapes", "boxes", "landmarks", "crowds"])
)
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
    help="serial-lines, notes: a yaml with fonts, backgrounds and camera; default: fonts that pip "
    "brings.",
)
@click.option(
    "--side", type=click.IntRange(24, 4096), default=96, show_default=True,
    help="boxes, crowds: pixels of a side.",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(min=0), default=4, show_default=True,
    help="boxes, crowds: a picture shows 0 to so many shapes or heads.",
)  # fmt: skip
@click.option("--oriented", is_flag=True, help="boxes: shapes lie at any angle.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True,
    help="notes: processes that draw.",
)  # fmt: skip
@json_option
def synth(
    kind: str, number: int, seed: int, output: Path, profile: Path | None, side: int, most: int,
    oriented: bool, workers: int, as_json: bool,
) -> None:  # fmt: skip
    """Draw labelled pictures of KIND.

    serial-lines: serial numbers, with labels.csv; notes: banknotes in front of a camera, with a
    COCO json of notes and serials; shapes: one shape each, in a folder per class; boxes: several
    shapes each, with a COCO json; landmarks: heads with five points, as COCO keypoints; crowds:
    several heads each, with boxes and points.
    """
    from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
    from edgecnn.data.synth.crowds import write_crowds
    from edgecnn.data.synth.heads import write_heads
    from edgecnn.data.synth.notes.scene import NoteProfile
    from edgecnn.data.synth.notes.write import default_notes, write_notes
    from edgecnn.data.synth.shapes import write_shapes
    from edgecnn.data.synth.write import load_profile, read_profile, write_lines

    if kind not in ("serial-lines", "notes") and profile is not None:
        raise click.UsageError("--profile is for serial-lines and notes")
    if kind == "shapes":
        written = write_shapes(output, number, seed)
    elif kind == "notes":
        look = default_notes() if profile is None else read_profile(profile, NoteProfile)
        with _progress() as progress:
            written = write_notes(output, number, seed, look, progress, workers)
    elif kind == "boxes":
        written = write_boxes(output, number, seed, BoxesOptions(side, most, oriented))
    elif kind == "landmarks":
        written = write_heads(output, number, seed)
    elif kind == "crowds":
        written = write_crowds(output, number, seed, side, most)
    else:
        written = write_lines(output, number, seed, load_profile(profile))
    if as_json:
        print_json({"folder": str(output), "kind": kind, "pictures": written, "seed": seed})
    else:
        click.echo(f"{output}: {written} labelled pictures")
