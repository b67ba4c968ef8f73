"""An ONNX model as the quantizers take it: folded, with shapes, every node named."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization.shape_inference import quant_pre_process

from edgecnn_export.quiet import quiet

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def prepare(model: bytes) -> onnx.ModelProto:
    """Fold what can be folded and infer the shapes; the same each time for the same model."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, ready = Path(folder) / "source.onnx", Path(folder) / "ready.onnx"
        source.write_bytes(model)
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        proto = onnx.load(str(ready))
    for index, node in enumerate(proto.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
    return proto


def layer_names(proto: onnx.ModelProto) -> tuple[str, ...]:
    """Return the name of every layer with weights, which is that of the tensor it makes."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    return tuple(
        node.output[0]
        for node in proto.graph.node
        if node.op_type in WEIGHTED and node.input[1] in weights
    )


def node_names(proto: onnx.ModelProto, layers: Sequence[str]) -> list[str]:
    """Return the names of the nodes that make the named tensors."""
    return [node.name for node in proto.graph.node if node.output[0] in layers]


def tail_names(proto: onnx.ModelProto) -> list[str]:
    """Return the nodes after the last layers with weights, such as the sigmoid of a score.

    They cost next to nothing in float, and a probability near zero does not survive 256 steps of
    a range of 0..1.
    """
    weights = {tensor.name for tensor in proto.graph.initializer}
    live: set[str] = set()
    names = []
    for node in reversed(proto.graph.node):
        weighted = node.op_type in WEIGHTED and node.input[1] in weights
        if weighted or live & set(node.output):
            live |= set(node.input)
        else:
            names.append(node.name)
    return names


def head_names(proto: onnx.ModelProto) -> list[str]:
    """Return the nodes that normalize pixels, where the model takes them.

    In float they cost next to nothing; rounded, each would add noise of its own.
    """
    source = proto.graph.input[0]
    if source.type.tensor_type.elem_type != onnx.TensorProto.UINT8:
        return []
    made, names = {source.name}, []
    for node in proto.graph.node:
        if node.op_type in ("Cast", "Transpose", "Mul", "Add") and node.input[0] in made:
            made.add(node.output[0])
            names.append(node.name)
    return names
