"""The layer table of a TFLite model, read from the file itself: needs no torch and runs nothing.

Operators and their options are those of the TFLite schema (tensorflow/compiler/mlir/lite/schema).
"""

from __future__ import annotations

from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from edgecnn.errors import BundleError, EdgecnnError, MissingExtraError
from edgecnn.vision.layer_table import Inspection, TableBuilder
from edgecnn.vision.receptive import fields_of_input
from edgecnn_device.tflite_steps import SLIDING, SPATIAL, Operator, operator_step

_BIAS_SLOTS = MappingProxyType(
    {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "CONV_3D": 2, "TRANSPOSE_CONV": 3}
)
Pads = tuple[tuple[int, int], ...]


def inspect_tflite(model: bytes, name: str) -> Inspection:
    """Return the layer table of the first subgraph of a TFLite file.

    Output shapes are the file's own, mostly H, W, C. Parameters are the elements of the weights
    in the file, quantized or not; what an exporter folded away is not there.

    Args:
        model: the file; one input (1, H, W, C).
        name: what to call the network.

    Raises:
        BundleError: it is not such a file.
        MissingExtraError: ai-edge-litert, which brings the schema, is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise MissingExtraError("ai-edge-litert") from error
    try:
        walker = _Walker(schema, schema.ModelT.InitFromPackedBuf(bytearray(model), 0))
        return walker.inspect(name)
    except EdgecnnError:
        raise
    except Exception as error:  # flatbuffers raises many types on a damaged file
        raise BundleError(f"{name}: not a TFLite model that can be inspected: {error}") from error


class _Walker:
    def __init__(self, schema: Any, model: Any) -> None:
        self._model = model
        self._graph = model.subgraphs[0]
        self._names = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
        self._integers = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}
        self._table = TableBuilder()
        self._weights: dict[int, int] = {}
        """Per tensor made of constants alone, the constant that it was made of."""
        self._padded: dict[int, tuple[tuple[int, ...], Pads]] = {}
        """Per output of a padding: the shape before, and what was put around it."""

    def inspect(self, name: str) -> Inspection:
        shape = self._shape(self._graph.inputs[0])
        pixels = fields_of_input(shape, SPATIAL[: len(shape) - 2])
        self._table.put(int(self._graph.inputs[0]), pixels)
        for operator in self._graph.operators:
            self._visit(operator)
        channels_first = (shape[-1], *shape[1:-1])
        seen = self._table.output_field([int(t) for t in self._graph.outputs])
        return Inspection(name, channels_first, tuple(self._table.rows), seen)

    def _visit(self, operator: Any) -> None:
        inputs = [int(t) for t in operator.inputs if t >= 0]
        outputs = [int(t) for t in operator.outputs]
        parts = [t for t in inputs if t in self._table]
        if not parts:
            first = next(filter(self._is_constant, inputs), None)
            if first is not None:
                self._weights |= dict.fromkeys(outputs, self._origin(first))
        elif len(outputs) > 1:  # a split, whose parts see what the whole saw
            for tensor in outputs:
                self._table.put(tensor, self._table.fields(parts[0]))
        else:
            self._add(operator, inputs, parts, outputs[0])

    def _add(self, operator: Any, inputs: list[int], parts: list[int], output: int) -> None:
        code = self._model.operatorCodes[operator.opcodeIndex]
        kind = self._names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        before, after = self._shape(parts[0]), self._shape(output)
        weights = [int(t) for slot, t in enumerate(operator.inputs)
                   if t not in parts and self._is_weight(kind, slot, int(t))]  # fmt: skip
        constants = tuple(v for t in inputs if t not in parts and (v := self._values(t)))
        if kind == "PAD" and constants:
            ends = constants[0]
            self._padded[output] = before, tuple(zip(ends[::2], ends[1::2], strict=True))
        shape, pads = self._padded.get(parts[0], (before, ())) if kind in SLIDING else (before, ())
        step = operator_step(Operator(
            kind, shape, self._shape(weights[0]) if weights else (), after,
            operator.builtinOptions, constants, tuple(self._table.fields(t) for t in parts), pads,
        ))  # fmt: skip
        counts = [(self._origin(t), prod(self._shape(t))) for t in weights]
        place = _place(self._graph.tensors[output].name) or kind.lower()
        self._table.add(place, output, parts, step, before, after, counts)

    def _is_weight(self, kind: str, slot: int, tensor: int) -> bool:
        if tensor < 0 or not self._is_constant(tensor):
            return False
        if kind in _BIAS_SLOTS:
            return slot == _BIAS_SLOTS[kind] or not self._is_integer(tensor)
        return not self._is_integer(tensor) and prod(self._shape(tensor)) > 1

    def _is_integer(self, tensor: int) -> bool:
        return self._graph.tensors[tensor].type in self._integers

    def _origin(self, tensor: int) -> int:
        """Return the constant that a tensor made of constants was made of."""
        return self._weights.get(tensor, tensor)

    def _is_constant(self, tensor: int) -> bool:
        buffer = self._model.buffers[self._graph.tensors[self._origin(tensor)].buffer]
        # Files over 2 GB keep their data behind the flatbuffer, at an offset.
        return (buffer.data is not None and len(buffer.data) > 0) or buffer.offset > 1

    def _values(self, tensor: int) -> tuple[int, ...]:
        """Return the values of a constant integer operand."""
        dtype = self._integers.get(self._graph.tensors[tensor].type)
        data = self._model.buffers[self._graph.tensors[tensor].buffer].data
        if dtype is None or data is None or len(data) == 0:
            return ()
        return tuple(int(v) for v in np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        shape = self._graph.tensors[tensor].shape
        return () if shape is None else tuple(int(side) for side in shape)


def _place(name: bytes | None) -> str:
    """Shorten a tensor's name; of a module path of litert-torch only the attribute names stay."""
    text = (name or b"").decode(errors="replace").split(";;")[-1].split(";")[0]
    parts = (part.rpartition(".")[2].partition("_")[2] if "." in part else part
             for part in text.split("/"))  # fmt: skip
    kept = [part for part in parts if part and part != "wrapped"]
    return ".".join(kept)
