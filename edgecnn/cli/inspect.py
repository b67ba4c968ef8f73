"""``edgecnn inspect``: the layer table of a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import find_bundle, json_option, print_json, print_table, zoo_folder
from edgecnn.errors import InputError

if TYPE_CHECKING:
    from edgecnn.bundle import Bundle, Variant
    from edgecnn.vision.layer_table import Inspection, LayerRow

Shape = tuple[int, ...]


@click.command("inspect")
@click.argument("what")
@click.option(
    "--input", "given", metavar="C,H,W",
    help="Also C,L of a signal and C,D,H,W of a volume; default: the network's own.",
)  # fmt: skip
@click.option(
    "--variant", metavar="FORMAT-PRECISION",
    help="Of a bundle; default: onnx-fp32 where the onnx package is installed, else TFLite.",
)  # fmt: skip
@json_option
def command(what: str, given: str | None, variant: str | None, as_json: bool) -> None:
    """Show every layer of WHAT: kind, output shape, parameters, multiplications, receptive field.

    WHAT is an architecture of `edgecnn models`, a RUN of edgecnn train, a bundle (a path or the
    name of a zoo bundle), module:function that returns a torch module (its code is run), or a
    chain of layers in torch's own terms, such as

    "Conv2d(192, 16, 1) | Conv2d(16, 32, 5, padding=2)" --input 192,28,28
    """
    inspection = _inspect(what, None if given is None else parse_shape(given), variant)
    if as_json:
        print_json(_as_json(inspection))
    else:
        _show(inspection)


def parse_shape(text: str) -> Shape:
    """Parse C,H,W, and likewise C; C,L; C,D,H,W.

    Raises:
        InputError: not one to four whole numbers above 0.
    """
    parts = text.split(",")
    try:
        shape = tuple(int(part) for part in parts)
    except ValueError:
        shape = ()
    if not 1 <= len(shape) <= 4 or min(shape) < 1 or max(shape) > 1 << 24:
        raise InputError(f"--input {text}: expected C,H,W (or C,L or C,D,H,W), numbers above 0")
    return shape


def _inspect(what: str, shape: Shape | None, variant: str | None) -> Inspection:
    """Find out what was named, and inspect it."""
    if "(" not in what and _is_bundle(what):
        return _inspect_bundle(find_bundle(what), shape, variant)
    if variant is not None:
        raise InputError(f"--variant is for bundles, and {what} is none")
    if "(" in what or ":" in what:
        return _inspect_code(what, shape)
    if _is(Path(what), "is_dir"):
        return _inspect_run(Path(what), shape)
    from edgecnn.models.inspect import inspect_architecture

    return inspect_architecture(what, shape)


def _is_bundle(what: str) -> bool:
    shipped = {path.stem for path in zoo_folder().glob("*.edge")}
    return what in shipped or what.endswith(".edge") or _is(Path(what), "is_file")


def _is(path: Path, test: str) -> bool:
    try:
        return bool(getattr(path, test)())
    except OSError:  # such as a name that is too long
        return False


def _inspect_code(what: str, shape: Shape | None) -> Inspection:
    from edgecnn.models.foreign import build_foreign
    from edgecnn.models.inspect import inspect_module
    from edgecnn.models.layer_chain import parse_chain

    if shape is None:
        raise InputError(f"{what}: expected --input C,H,W, the shape that it takes")
    chain = "(" in what
    return inspect_module(parse_chain(what) if chain else build_foreign(what), shape, what)


def _inspect_run(run: Path, shape: Shape | None) -> Inspection:
    from edgecnn.models.inspect import inspect_architecture, inspect_module
    from edgecnn.models.registry import list_backbones
    from edgecnn.train.run import is_run, load_run

    if str(run) in list_backbones() and not is_run(run):
        return inspect_architecture(str(run), shape)  # a folder that has a network's name
    loaded = load_run(run)
    own = (loaded.input.channels, loaded.input.height, loaded.input.width)
    return inspect_module(loaded.model, shape or own, run.name)


def _inspect_bundle(path: Path, shape: Shape | None, variant: str | None) -> Inspection:
    from edgecnn.bundle import read_bundle

    bundle = read_bundle(path)
    spec = bundle.manifest.input
    own = (spec.channels, spec.height, spec.width)
    taken, any_size = shape or own, spec.resize == "none"
    larger = taken[:1] == own[:1] and all(a >= b for a, b in zip(taken, own, strict=False))
    if taken != own and not (any_size and larger and len(taken) == 3):
        text = ",".join(map(str, own)) + (" or larger sides" if any_size else " or none")
        raise InputError(f"{path}: the input of a bundle is fixed: expected --input {text}")
    chosen = bundle.variant(variant) if variant else _choose(bundle)
    name = f"{bundle.manifest.name} {chosen.format}-{chosen.precision}"
    if chosen.format == "tflite":
        from edgecnn_device.inspect_tflite import inspect_tflite

        return inspect_tflite(bundle.model(chosen), name)
    from edgecnn_export.inspect_onnx import inspect_onnx

    sides = (taken[1], taken[2]) if any_size else None
    return inspect_onnx(
        bundle.model(chosen), name, channels_last=spec.layout == "nhwc", sides=sides
    )


def _choose(bundle: Bundle) -> Variant:
    """Return the float ONNX variant where onnx can read it, else TFLite, float before integers."""
    import importlib.util

    has_onnx = importlib.util.find_spec("onnx") is not None

    def rank(variant: Variant) -> tuple[bool, bool]:
        return (variant.format == "onnx") != has_onnx, variant.precision != "fp32"

    return min(bundle.manifest.variants, key=rank)


def _as_json(found: Inspection) -> object:
    return {
        "name": found.name, "input": found.input, "parameters": found.parameters,
        "macs": found.macs, "receptive_field": _plain(found.receptive_field),
        "layers": [_row_as_json(row) for row in found.layers],
    }  # fmt: skip


def _row_as_json(row: LayerRow) -> object:
    return {
        "name": row.name, "kind": row.kind, "output": row.output, "parameters": row.parameters,
        "macs": row.macs, "receptive_field": _plain(row.receptive_field), "note": row.note,
    }  # fmt: skip


def _plain(field: Sequence[int]) -> int | list[int] | None:
    """Return one number where all dimensions have the same, None where nothing is known."""
    if not field:
        return None
    return field[0] if len(set(field)) == 1 else list(field)


def _show(found: Inspection) -> None:
    columns = ("layer", "kind", "output", "parameters", "multiply-adds", "field", "note")
    rows = [
        (row.name, row.kind, _by(row.output), f"{row.parameters:,}", f"{row.macs:,}",
         _field(row.receptive_field), row.note)
        for row in found.layers
    ]  # fmt: skip
    print_table(f"{found.name}, input {_by(found.input)}", columns, rows)
    click.echo(
        f"{found.parameters:,} parameters, {found.macs:,} multiply-adds, receptive field "
        f"{_field(found.receptive_field)}; weights {found.parameters * 4 / 1e6:,.2f} MB as fp32, "
        f"{found.parameters / 1e6:,.2f} MB as int8"
    )


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "-"


def _field(field: Sequence[int]) -> str:
    plain = _plain(field)
    return "?" if plain is None else str(plain) if isinstance(plain, int) else _by(plain)
