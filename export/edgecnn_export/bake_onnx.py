"""Normalization in front of a foreign ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundle.manifest import InputSpec

PIXELS = "pixels"


def bake_onnx(model: bytes, spec: InputSpec) -> bytes:
    """Return the model with a uint8 input and its own cast, multiply and add before all else.

    Args:
        model: takes one float32 input, normalized.
        spec: its shape and layout; mean and std on the scale 0..255.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    old = graph.input[0]
    shape = (1, -1, 1, 1) if spec.layout == "nchw" else (1, 1, 1, -1)
    scale = (1 / np.asarray(spec.std, np.float32)).reshape(shape)
    shift = -np.asarray(spec.mean, np.float32).reshape(shape) * scale
    graph.initializer.extend(
        [numpy_helper.from_array(scale, "bake_scale"), numpy_helper.from_array(shift, "bake_shift")]
    )
    nodes = [
        helper.make_node("Cast", [PIXELS], ["bake_float"], "bake_cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["bake_float", "bake_scale"], ["bake_scaled"], "bake_mul"),
        helper.make_node("Add", ["bake_scaled", "bake_shift"], [old.name], "bake_add"),
    ]
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    sizes = [d.dim_value for d in old.type.tensor_type.shape.dim]
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, sizes))
    return bytes(proto.SerializeToString(deterministic=True))
