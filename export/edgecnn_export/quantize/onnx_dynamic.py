"""Integer convolutions and products whose activations are quantized as they come.

onnxruntime's own quantize_dynamic gives a layer one scale for all its weights, which destroys
depthwise networks. Here the integer operators get one zero point for all, as they require, and
each output channel has its scale, multiplied in afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn_export.quantize.onnx_graph import layer_names
from edgecnn_export.quantize.onnx_weights import (
    attribute,
    channel_axis,
    drop_unused,
    round_weights,
)

_ZERO = "weights_zero_point"
_OFFSET = 128
"""Weights are stored as uint8 around it: onnxruntime runs int8 ones several times slower."""


def compute_int8(proto: onnx.ModelProto, excluded: Sequence[str]) -> None:
    """Compute the layers in integers: Conv, MatMul, and Gemm where it is a layer of a network.

    Args:
        proto: changed in place. Transposed convolutions have no such operator and stay in float.
        excluded: layers that stay in float.
    """
    rewriter = _Rewriter(proto)
    layers = set(layer_names(proto)) - set(excluded)
    for node in proto.graph.node:
        if node.output[0] in layers and rewriter.possible(node):
            rewriter.replace(node)
        else:
            rewriter.nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(rewriter.nodes)
    proto.graph.initializer.extend(rewriter.constants.values())
    drop_unused(proto.graph)


class _Rewriter:
    def __init__(self, proto: onnx.ModelProto) -> None:
        self._weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._quantized: set[str] = set()
        self.nodes: list[onnx.NodeProto] = []
        self.constants = {_ZERO: numpy_helper.from_array(np.array(_OFFSET, np.uint8), _ZERO)}

    def possible(self, node: onnx.NodeProto) -> bool:
        """Whether integer operators can stand for a layer."""
        if any(name and name not in self._weights for name in node.input[2:]):
            return False
        if node.op_type == "Gemm":
            plain = {"alpha": 1.0, "beta": 1.0, "transA": 0.0}
            return all(attribute(node, name, value) == value for name, value in plain.items())
        return node.op_type in ("Conv", "MatMul")

    def replace(self, node: onnx.NodeProto) -> None:
        """Add the nodes that stand for one layer."""
        source, name, output = node.input[0], node.input[1], node.output[0]
        weight, scale = self._round(node)
        bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
        convolution = node.op_type == "Conv"
        spread = (-1, *(1,) * (weight.ndim - 2)) if convolution else (-1,)
        stored = self._constant(f"{name}_{node.op_type}_uint8", weight)
        scales = self._constant(f"{name}_{node.op_type}_scale", scale.reshape(spread))
        levels, step, zero = self._quantize(source)
        kept = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        sums, both, last = f"{output}_sums", f"{output}_scale", f"{output}_scaled"
        self._add("ConvInteger" if convolution else "MatMulInteger", [levels, stored, zero, _ZERO],
                  f"{output}_integer", **(kept if convolution else {}))  # fmt: skip
        self._add("Cast", [f"{output}_integer"], sums, to=onnx.TensorProto.FLOAT)
        self._add("Mul", [step, scales], both)
        self._add("Mul", [sums, both], output if bias is None else last)
        if bias is not None:
            values = numpy_helper.to_array(self._weights[bias])
            spread = spread if values.ndim == 1 else values.shape
            added = self._constant(f"{bias}_{node.op_type}_bias", values.reshape(spread))
            self._add("Add", [last, added], output)

    def _round(self, node: onnx.NodeProto) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        tensor = self._weights[node.input[1]]
        values, scale = round_weights(numpy_helper.to_array(tensor), channel_axis(node, tensor))
        if node.op_type == "Gemm" and attribute(node, "transB", 0):
            values = values.T
        return (values.astype(np.int16) + _OFFSET).astype(np.uint8), scale

    def _constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def _quantize(self, source: str) -> tuple[str, str, str]:
        outputs = (f"{source}_levels", f"{source}_step", f"{source}_zero_point")
        if source not in self._quantized:
            self._quantized.add(source)
            self._add("DynamicQuantizeLinear", [source], *outputs)
        return outputs

    def _add(self, operator: str, inputs: list[str], *outputs: str, **attributes: object) -> None:
        name = f"{outputs[0]}_{operator}"
        self.nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))
