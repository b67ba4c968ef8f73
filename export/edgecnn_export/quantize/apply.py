"""One entry point for every scheme of every format."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from edgecnn.bundle.manifest import Format
from edgecnn.errors import InputError
from edgecnn_export.quantize.ranges import Ranges
from edgecnn_export.quantize.schemes import Scheme, find_scheme

_FOR_8_BITS = ("entropy", "mse")


def layers(kind: Format, fp32: bytes) -> tuple[str, ...]:
    """Return the names of the layers with weights, in order; any may be excluded.

    A layer bears the name of the tensor that it makes, as in `Ranges`.
    """
    if kind == "onnx":
        from edgecnn_export.quantize import onnx_graph

        return onnx_graph.layer_names(onnx_graph.prepare(fp32))
    from edgecnn_export.quantize import tflite_graph

    return tflite_graph.layer_names(fp32)


def quantize(
    kind: Format, fp32: bytes, scheme: str, ranges: Ranges | None = None,
    excluded: Sequence[str] = (),
) -> bytes:  # fmt: skip
    """Make the file of a scheme from the fp32 file.

    Args:
        kind: the format.
        fp32: the exported float model.
        scheme: a name of `supported(kind)`.
        ranges: what static schemes set their activations by, measured on ``fp32``.
        excluded: layers that stay in float, by their names in `layers`.

    Returns:
        The file's bytes; equal for equal arguments and package versions.

    Raises:
        InputError: an unknown scheme or layer, or ranges missing or not meant for the scheme.
        DataError: ranges of another model.
    """
    found = find_scheme(kind, scheme)
    _check(found, fp32, ranges, excluded)
    if found.name == "fp32":
        return fp32
    used = ranges if found.needs_ranges else None
    if kind == "onnx":
        from edgecnn_export.quantize.make_onnx import make_onnx

        return make_onnx(fp32, found, used, excluded)
    from edgecnn_export.quantize.make_tflite import make_tflite

    return make_tflite(fp32, found, used, excluded)


def _check(scheme: Scheme, fp32: bytes, ranges: Ranges | None, excluded: Sequence[str]) -> None:
    """Refuse before any work what cannot be made."""
    if scheme.needs_ranges:
        if ranges is None:
            raise InputError(f"{scheme.format} {scheme.name} needs ranges: measure them first")
        ranges.require_model(scheme.format, fp32)
        if scheme.activation_bits == 16 and ranges.method in _FOR_8_BITS:
            raise InputError(
                f"{ranges.method} chooses ranges for 8 bits, and {scheme.name} has 16: expected "
                "ranges by minmax or percentile"
            )
    known = layers(scheme.format, fp32) if excluded else ()
    for name in excluded:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
            raise InputError(f"no layer {name!r} in the {scheme.format} model: {hint}")
