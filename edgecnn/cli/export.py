"""``edgecnn export``: a network to a bundle, through the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from edgecnn.cli.output import json_option, note, parse_shape, print_json
from edgecnn.targets import TARGETS

if TYPE_CHECKING:
    from edgecnn.bundle.manifest import Precision
    from edgecnn_export.quantize import Method

FORMATS = ("onnx", "tflite")
PRECISIONS = (
    "fp32", "fp16", "int8", "int8-symmetric", "int8-weights", "int8-dynamic", "int16x8",
)  # fmt: skip
METHODS = ("auto", "minmax", "percentile", "entropy", "mse")
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@click.argument("source")
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
    help="Repeatable; default: all that the source allows.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(PRECISIONS),
    help="Repeatable; default: int8 and fp32. int8-symmetric is for ONNX on TensorRT.",
)
@click.option(
    "--calibration",
    metavar="DIR|LIST|NPY",
    type=click.Path(path_type=Path),
    help="What sets the ranges of int8: pictures, a list of them, or arrays.",
)
@click.option(
    "--samples",
    type=click.IntRange(8),
    help="Use so many of the calibration samples, balanced over classes where there are any.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of that choice.")
@click.option(
    "--target",
    type=click.Choice(sorted(TARGETS)),
    help="A board: sets the --format and --precision that are not given.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="auto",
    show_default=True,
    help="How ranges are chosen from the calibration set; auto: whichever loses least on it.",
)
@click.option("--save-ranges", type=FILE, metavar="JSON", help="Keep the measured ranges.")
@click.option("--ranges", type=FILE, metavar="JSON", help="Use ranges that were kept.")
@click.option("--equalize", is_flag=True, help="Cross-layer equalization before quantizing.")
@click.option("--correct-bias", is_flag=True, help="Bias correction before quantizing.")
@click.option(
    "--ladder/--no-ladder",
    default=True,
    show_default=True,
    help="Where int8 misses: equalize, other ranges, worst layers in float, weights only, fp16.",
)
@click.option("--sensitivity", is_flag=True, help="Report what each layer loses by int8.")
@click.option("--bake", is_flag=True, help="Put normalization into the files: uint8 pixels in.")
@click.option(
    "--decode-boxes", is_flag=True,
    help="Put a detector's decoder into its ONNX file: boxes and scores, not yet suppressed.",
)  # fmt: skip
@click.option(
    "--convolutional",
    is_flag=True,
    help="Slide a RUN that classifies over the picture, in one pass: a bundle of task detect.",
)
@click.option(
    "--background",
    multiple=True,
    metavar="LABEL",
    help="With --convolutional: a class that means that nothing is there; repeatable.",
)
@click.option(
    "--input", "shape", callback=parse_shape, metavar="C,H,W",
    help="What a foreign source takes; with --convolutional the one size that the files take, "
    "which TFLite needs.",
)  # fmt: skip
@click.option(
    "--preprocess",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.yaml",
    help="How a foreign source wants its pictures: mean, std, colour; its labels.",
)
@click.option(
    "--evaluate",
    type=click.Path(path_type=Path),
    metavar="DATASET",
    help="What the gate scores; default: the recipe's validation split, or for a foreign source "
    "a fifth of the calibration set.",
)
@click.option(
    "--curve",
    type=click.Path(path_type=Path),
    metavar="DATASET",
    help="People, a folder each, whom nothing has seen: gives vectors their false-match rates.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(min=0),
    metavar="POINTS",
    help="What a variant may lose of the metric; default: 1, of agreement 2.5.",
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
    source: str, output: Path, formats: tuple[Literal["onnx", "tflite"], ...],
    precisions: tuple[Precision, ...], target: str | None, calibration: Path | None,
    samples: int | None, seed: int, method: Method | Literal["auto"], save_ranges: Path | None,
    ranges: Path | None, equalize: bool, correct_bias: bool, ladder: bool,
    sensitivity: bool, bake: bool, decode_boxes: bool, convolutional: bool,
    background: tuple[str, ...],
    shape: tuple[int, int, int] | None, preprocess: Path | None, evaluate: Path | None,
    curve: Path | None, max_drop: float | None, key: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Export SOURCE: a RUN of edgecnn train, an .onnx file, or module:function.

    Every variant is compared with the float model on real inputs and scored on the task. When one
    misses its tolerance, other ways are tried in turn; when none passes, only OUT.rejected and its
    report are written and the exit status is 1. The code of module:function is run: name only what
    you trust.
    """
    from edgecnn.bundle.sign import load_private_key
    from edgecnn.cli.export_table import show
    from edgecnn_export import ExportOptions, export
    from edgecnn_export.report import report
    from edgecnn_export.sources import Sliding, load_description
    from edgecnn_export.workshop import Improvement

    if background and not convolutional:
        raise click.UsageError("--background is for --convolutional")
    sliding = Sliding(shape, background) if convolutional else None
    described = (shape is not None and not convolutional) or preprocess is not None
    preset = TARGETS.get(target or "")
    for text in preset.notes if preset else ():
        note(f"{target}: {text}")
    if not formats and preset is not None and not source.endswith(".onnx"):
        formats = preset.formats
    defaults = preset or ExportOptions()
    options = ExportOptions(
        calibration=calibration, samples=samples, seed=seed, evaluate=evaluate, curve=curve,
        formats=formats,        precisions=precisions or defaults.precisions, method=method,
        improvement=Improvement(equalize, correct_bias), ladder=ladder, sensitivity=sensitivity,
        bake=bake, max_drop=max_drop, ranges=ranges, save_ranges=save_ranges,
        description=load_description(preprocess, shape) if described else None,
        sliding=sliding, decode_boxes=decode_boxes, overwrite=overwrite,
        key=None if key is None else load_private_key(key),
    )  # fmt: skip
    exported = export(source, output, options, note)
    if as_json:
        print_json(report(exported))
    else:
        show(exported)
    exported.require_passed()
