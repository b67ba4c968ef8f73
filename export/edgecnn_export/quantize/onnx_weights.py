"""Weights rounded to int8 per output channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn_export.quantize.onnx_graph import layer_names


def round_weights(
    weights: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return symmetric int8 weights, -127..127, and the scale of each channel of an axis."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    top = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(top > 0, top / 127, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale.reshape(-1)


def attribute(node: onnx.NodeProto, name: str, default: float) -> float:
    """Return a number that a node is told."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else float(helper.get_attribute_value(found))


def channel_axis(node: onnx.NodeProto, weight: onnx.TensorProto) -> int:
    """Return the axis of a layer's weights that counts its output channels."""
    if node.op_type == "MatMul":
        return len(weight.dims) - 1
    if node.op_type == "Gemm":
        return 0 if attribute(node, "transB", 0) else 1
    return 1 if node.op_type == "ConvTranspose" else 0


def store_int8(proto: onnx.ModelProto, excluded: Sequence[str]) -> None:
    """Store the weights of each layer as int8; the runtime scales them back and computes in float.

    Args:
        proto: changed in place.
        excluded: layers that keep their weights.
    """
    graph = proto.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    layers = set(layer_names(proto)) - set(excluded)
    made: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        if node.output[0] in layers:
            name, axis = node.input[1], channel_axis(node, weights[node.input[1]])
            floats = f"{name}_{axis}_float"
            if floats not in made:
                stored = (f"{name}_{axis}_int8", f"{name}_{axis}_scale")
                arrays = round_weights(numpy_helper.to_array(weights[name]), axis)
                graph.initializer.extend(map(numpy_helper.from_array, arrays, stored))
                made[floats] = helper.make_node(
                    "DequantizeLinear", stored, [floats], f"{floats}_dequantize", axis=axis
                )
            node.input[1] = floats
    nodes = [*made.values(), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused(graph)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the constants that no node takes any longer, and what is said of their shapes."""
    used = {name for node in graph.node for name in node.input}
    gone = {tensor.name for tensor in graph.initializer if tensor.name not in used}
    for items in (graph.initializer, graph.value_info):
        kept = [item for item in items if item.name not in gone]
        del items[:]
        items.extend(kept)
