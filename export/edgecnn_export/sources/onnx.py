"""A foreign ONNX file as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import version_converter
from onnx.tools.update_model_dims import update_inputs_outputs_dims
from torch import nn

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.preprocess import input_shape
from edgecnn_device.backends import Backend, open_backend
from edgecnn_export.bake_onnx import bake_onnx
from edgecnn_export.sources.base import Facts
from edgecnn_export.sources.describe import Description, Shape, decode_of
from edgecnn_export.tasks.base import GateTask, Outputs, join
from edgecnn_export.tasks.foreign import ForeignGate
from edgecnn_export.to_onnx import strip

OPSET = 17
"""Weights quantized per channel need 13; older files are converted."""


@dataclass(frozen=True)
class OnnxSource:
    """A float ONNX model; its only format is ONNX."""

    facts: Facts
    gate: GateTask
    model: bytes
    network: nn.Module | None = None
    formats: tuple[Format, ...] = ("onnx",)

    @cached_property
    def _backend(self) -> Backend:
        return open_backend("onnx", self.model)

    def infer(self, inputs: NDArray[np.float32]) -> Outputs:
        """Run the float file, one sample at a time."""
        return join([self._backend.run(x[None]) for x in inputs])

    def require_operators(self, formats: tuple[Format, ...]) -> None:
        """Nothing is left to refuse: it was looked at when it was opened."""

    def convert(self, kind: Format, network: nn.Module | None, spec: InputSpec) -> bytes:
        """Return the file itself, or with normalization in front."""
        return bake_onnx(self.model, spec) if spec.dtype == "uint8" else self.model


def open_onnx(path: Path, description: Description) -> OnnxSource:
    """Read an ONNX file.

    Raises:
        InputError: it cannot be read or run, has operators that onnxruntime lacks, is quantized
            already, or takes anything but one float32 picture.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file: expected an ONNX model")
    try:
        raw = path.read_bytes()
        proto = onnx.load_from_string(raw)
        onnx.checker.check_model(proto)
    except Exception as error:  # protobuf and onnx raise types without a common base
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{path}: not a readable ONNX model: {reason}") from error
    _refuse_unusable(path, proto)
    found, layout = _input_shape(path, proto)
    spec = description.spec(found, "nchw" if layout == "nchw" else "nhwc")
    model = _fixed(path, proto, spec)
    try:
        outputs = open_backend("onnx", model).run(np.zeros(_shape(spec), np.float32))
    except (BundleError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
    names = tuple(o.name for o in proto.graph.output)
    decode = decode_of(description, tuple(x.shape for x in outputs), names)
    sha256 = hashlib.sha256(raw).hexdigest()
    facts = description.facts(path.stem, decode, spec, path.name, sha256)
    return OnnxSource(facts, ForeignGate(decode, spec), model)


def _shape(spec: InputSpec) -> tuple[int, ...]:
    return (1, *input_shape(spec))


def _refuse_unusable(path: Path, proto: onnx.ModelProto) -> None:
    """List all operators that onnxruntime lacks, and refuse what is quantized already."""
    used = {(n.domain or "ai.onnx", n.op_type) for n in proto.graph.node}
    unknown = sorted(
        f"{domain}.{kind}" for domain, kind in used
        if domain not in ("ai.onnx", "com.microsoft") or not _has_schema(domain, kind)
    )  # fmt: skip
    if unknown:
        raise InputError(f"{path}: onnxruntime has no operator for: {', '.join(unknown)}")
    rounded = sorted(kind for _, kind in used if "Quantize" in kind or "Integer" in kind)
    if rounded:
        raise InputError(
            f"{path}: is quantized already ({', '.join(rounded)}): export the float model"
        )


def _has_schema(domain: str, kind: str) -> bool:
    return domain == "com.microsoft" or onnx.defs.has(kind, "" if domain == "ai.onnx" else domain)


def _input_shape(path: Path, proto: onnx.ModelProto) -> tuple[Shape | None, str]:
    """Return the shape that the file states, None where it is open, and the layout."""
    weights = {t.name for t in proto.graph.initializer}
    inputs = [i for i in proto.graph.input if i.name not in weights]
    tensor = inputs[0].type.tensor_type if inputs else None
    if len(inputs) != 1 or tensor is None or tensor.elem_type != onnx.TensorProto.FLOAT:
        raise InputError(f"{path}: expected one float32 input, got {[i.name for i in inputs]}")
    sizes = [d.dim_value for d in tensor.shape.dim]
    if len(sizes) != 4 or sizes[0] > 1:
        raise InputError(f"{path}: expected an input for one picture (1, C, H, W), got {sizes}")
    if sizes[3] in (1, 3) and sizes[1] not in (1, 3):
        layout, shape = "nhwc", (sizes[3], sizes[1], sizes[2])
    else:
        layout, shape = "nchw", (sizes[1], sizes[2], sizes[3])
    return (shape if all(shape) else None), layout


def _fixed(path: Path, proto: onnx.ModelProto, spec: InputSpec) -> bytes:
    """Return the file with static shapes, no notes of its maker, and a recent opset."""
    strip(proto)
    weights = {t.name for t in proto.graph.initializer}
    name = next(i.name for i in proto.graph.input if i.name not in weights)
    for value in [i for i in proto.graph.input if i.name in weights]:
        proto.graph.input.remove(value)  # old files list weights as inputs
    try:
        version = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
        if version < OPSET:
            proto = version_converter.convert_version(proto, OPSET)
        outputs = {o.name: _open(o) for o in proto.graph.output}
        proto = update_inputs_outputs_dims(proto, {name: list(_shape(spec))}, outputs)
        del proto.graph.value_info[:]
        return bytes(onnx.shape_inference.infer_shapes(proto).SerializeToString(deterministic=True))
    except Exception as error:  # onnx raises types without a common base
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{path}: cannot be brought to opset {OPSET}: {reason}") from error


def _open(output: onnx.ValueInfoProto) -> Sequence[int | str]:
    """Leave the sizes of an output to shape inference where the file has them open."""
    dims = output.type.tensor_type.shape.dim
    return [d.dim_value or f"{output.name}_{i}" for i, d in enumerate(dims)]
