"""The layer table of an ONNX model, read from the file itself: nothing is run.

Shapes come from the shape inference of the onnx package.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import onnx
from onnx import numpy_helper, shape_inference

from edgecnn.errors import BundleError, EdgecnnError
from edgecnn.vision.layer_table import Inspection, TableBuilder
from edgecnn.vision.receptive import fields_of_input
from edgecnn_export.onnx_steps import Operator, operator_step

_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
_SMALL = 64
"""Elements up to which the values of an integer operand are read: axes and the like."""


def inspect_onnx(
    model: bytes, name: str, *, channels_last: bool, sides: tuple[int, int] | None = None
) -> Inspection:
    """Return the layer table of an ONNX file.

    Output shapes are the file's own. Parameters are the elements of the weights in the file,
    quantized or not; what an exporter folded away is not there.

    Args:
        model: the file; its first input is the picture.
        name: what to call the network.
        channels_last: whether that input is (N, H, W, C).
        sides: height and width of the picture, for a file that leaves them open.

    Raises:
        BundleError: it is not such a file.
    """
    try:
        proto = onnx.load_from_string(model)
        if sides is not None:
            _close(proto.graph, sides)
        loaded = shape_inference.infer_shapes(proto)
        return _Walker(loaded.graph).inspect(name, channels_last)
    except EdgecnnError:
        raise
    except Exception as error:  # protobuf and onnx raise many types on a damaged file
        raise BundleError(f"{name}: not an ONNX model that can be inspected: {error}") from error


def _close(graph: Any, sides: tuple[int, int]) -> None:
    """Write height and width in place of the open sizes, and forget what was inferred of them."""
    weights = {tensor.name for tensor in graph.initializer}
    entry = next(v for v in graph.input if v.name not in weights)
    left = list(sides)
    for size in entry.type.tensor_type.shape.dim:
        if not size.dim_value and left:
            size.dim_value = left.pop(0)
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")


class _Walker:
    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._shapes = {value.name: _dimensions(value) for value in
                        (*graph.input, *graph.value_info, *graph.output)}  # fmt: skip
        self._shapes |= {name: tuple(t.dims) for name, t in self._constants.items()}
        self._table = TableBuilder()

    def inspect(self, name: str, channels_last: bool) -> Inspection:
        entry = next(v.name for v in self._graph.input if v.name not in self._constants)
        shape = self._shapes[entry]
        pixels = range(1, len(shape) - 1) if channels_last else range(2, len(shape))
        self._table.put(entry, fields_of_input(shape, pixels))
        for node in self._graph.node:
            self._visit(node)
        seen = self._table.output_field([value.name for value in self._graph.output])
        sides = (shape[-1], *shape[1:-1]) if channels_last else shape[1:]
        return Inspection(name, tuple(sides), tuple(self._table.rows), seen)

    def _visit(self, node: Any) -> None:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        parts = [tensor for tensor in node.input if tensor in self._table]
        outputs = [tensor for tensor in node.output if tensor]
        if not parts:
            # A tensor made of constants alone stands for the first of them.
            first = attributes.get("value") or next(
                (self._constants[t] for t in node.input if t in self._constants), None
            )
            if first is not None:
                self._constants |= dict.fromkeys(outputs, first)
        elif len(outputs) > 1:  # a split, whose parts see what the whole saw
            for tensor in outputs:
                self._table.put(tensor, self._table.fields(parts[0]))
        else:
            self._add(node, attributes, parts, outputs[0])

    def _add(self, node: Any, attributes: dict[str, Any], parts: list[str], output: str) -> None:
        weights = [self._constants[t] for t in node.input if self._is_weight(node.op_type, t)]
        values = [_values(self._constants[t]) for t in node.input if t in self._constants]
        before, after = self._shape(parts[0]), self._shape(output)
        step = operator_step(Operator(
            node.op_type, before, tuple(weights[0].dims) if weights else (), after, attributes,
            tuple(v for v in values if v), tuple(self._table.fields(t) for t in parts),
        ))  # fmt: skip
        counts = [(tensor.name or id(tensor), prod(tensor.dims)) for tensor in weights]
        place = _place(node, [tensor.name for tensor in weights])
        self._table.add(place, output, parts, step, before, after, counts)

    def _is_weight(self, kind: str, tensor: str) -> bool:
        found = self._constants.get(tensor)
        if found is None or kind in _QUANTIZERS:
            return False
        return kind in _LAYERS or (found.data_type not in _INTEGERS and prod(found.dims) > 1)

    def _shape(self, tensor: str) -> tuple[int, ...]:
        if tensor not in self._shapes:
            raise BundleError(f"the shape of {tensor!r} cannot be inferred: expected fixed shapes")
        return self._shapes[tensor]


def _dimensions(value: Any) -> tuple[int, ...]:
    """Return a shape; a dimension with a name instead of a length counts as 1."""
    return tuple(side.dim_value or 1 for side in value.type.tensor_type.shape.dim)


def _values(tensor: Any) -> tuple[int, ...]:
    if tensor.data_type not in _INTEGERS or prod(tensor.dims) > _SMALL:
        return ()
    return tuple(int(v) for v in numpy_helper.to_array(tensor).reshape(-1))


def _place(node: Any, weights: Sequence[str]) -> str:
    """Return where a node stands: the module of its weights, else its own name."""
    module = re.sub(r"\.(weight|bias)(_.*)?$|_quantized$", "", weights[0]) if weights else ""
    return module.removeprefix("model.") or node.name or node.op_type.lower()
