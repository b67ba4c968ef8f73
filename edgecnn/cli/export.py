"""``edgecnn export``: a RUN to a bundle, through the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from edgecnn.cli.output import json_option, note, print_json, print_table
from edgecnn.targets import TARGETS

if TYPE_CHECKING:
    from edgecnn.bundle.manifest import Precision
    from edgecnn_export import Exported
    from edgecnn_export.quantize import Method

FORMATS = ("onnx", "tflite")
PRECISIONS = (
    "fp32", "fp16", "int8", "int8-symmetric", "int8-weights", "int8-dynamic", "int16x8",
)  # fmt: skip
METHODS = ("minmax", "percentile", "entropy", "mse")


@click.command("export")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The bundle, OUT.edge.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="Repeatable; default: both.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(PRECISIONS),
    help="Repeatable; default: int8 and fp32. int8-symmetric is for ONNX on TensorRT.",
)
@click.option(
    "--target",
    type=click.Choice(sorted(TARGETS)),
    help="A board: sets the --format and --precision that are not given.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="minmax",
    show_default=True,
    help="How ranges are chosen from the calibration set.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="DIR|LIST|NPY",
    help="What sets the ranges of int8: pictures, a list of them, or arrays.",
)
@click.option(
    "--evaluate",
    type=click.Path(path_type=Path),
    metavar="DATASET",
    help="What the gate scores; default: the recipe's validation split.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="POINTS",
    help="What a variant may lose of the task metric.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="KEY",
    help="Sign with a private key of edgecnn keygen.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing bundle.")
@json_option
def command(
    source: Path, output: Path, formats: tuple[Literal["onnx", "tflite"], ...],
    precisions: tuple[Precision, ...], target: str | None, method: Method, calibration: Path | None,
    evaluate: Path | None, max_drop: float, key: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Export SOURCE, a RUN of edgecnn train.

    Every variant is compared with torch on real inputs and scored on the task. When one misses
    its tolerance, only OUT.rejected and its report are written and the exit status is 1.
    """
    from edgecnn.bundle.sign import load_private_key
    from edgecnn_export import ExportOptions, export_run
    from edgecnn_export.pipeline import report

    preset = TARGETS.get(target or "")
    for text in preset.notes if preset else ():
        note(f"{target}: {text}")
    defaults = preset or ExportOptions()
    options = ExportOptions(
        calibration=calibration, evaluate=evaluate, method=method, max_drop=max_drop,
        overwrite=overwrite, formats=formats or defaults.formats,
        precisions=precisions or defaults.precisions,
        key=None if key is None else load_private_key(key),
    )  # fmt: skip
    exported = export_run(source, output, options, note)
    if as_json:
        print_json(report(exported))
    else:
        _show(exported)
    exported.require_passed()


def _show(exported: Exported) -> None:
    from edgecnn_export.tolerances import FEW_SAMPLES

    score = exported.float_score
    columns = (
        "variant",
        "bytes",
        exported.metric,
        "drop, points (95 %)",
        "max abs",
        "cosine",
        "gate",
    )
    rows = []
    for item in exported.variants:
        v, m, p = item.variant, item.variant.metric, item.variant.parity
        drop = f"{m.drop:.2f} ({m.drop_low:.2f} to {m.drop_high:.2f})"
        verdict = "passed" if item.verdict.passed else "MISSED"
        rows.append((f"{v.format}-{v.precision}", f"{v.bytes:,}", f"{m.value:.4f}", drop,
                     f"{p.max_abs:.2e}", f"{p.cosine:.5f}", verdict))  # fmt: skip
    print_table(
        f"Gate on {exported.gate}: n = {score.samples}, torch {score.value:.4f}", columns, rows
    )
    if score.samples < FEW_SAMPLES:
        click.echo(f"The gate scored {score.samples} samples, fewer than {FEW_SAMPLES}: "
                   "the intervals are wide.")  # fmt: skip
    click.echo(f"{exported.bundle}: {exported.seconds:.0f} s")
