"""Names the same layer in torch, in an ONNX file and in a TFLite file.

A layer is known by the values of its weights, whatever their order: names do not do, as a TFLite
file leaves out the modules that a network reaches past. So a layer that is to stay in float in one
format can be found in the other.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgecnn_export.improve.graph import single_layers, trace


@dataclass(frozen=True)
class NamedLayer:
    """A layer with weights, and where a file has it."""

    layer: str
    """The module's name in torch."""
    operator: str
    """ONNX: the node's name, as onnxruntime's ``nodes_to_exclude`` takes it. TFLite: the name of
    the operator's output tensor, which ai-edge-quantizer's ``regex`` is matched against (escape
    it: it has dots and slashes)."""


def name_onnx_layers(model: nn.Module, content: bytes) -> tuple[NamedLayer, ...]:
    """Find the layers of a network in its fp32 ONNX file.

    Args:
        model: what was exported, batch normalization folded (see `fold_norms`).
        content: the file.

    Returns:
        In running order; a layer that the file has not as it is, is left out.

    Raises:
        InputError: the network cannot be traced, has no layer with weights or one that runs twice.
    """
    import onnx

    graph = onnx.load_from_string(content).graph
    tensors = {t.name: t for t in graph.initializer}

    def weights() -> Iterator[tuple[str, str]]:
        for node in graph.node:
            tensor = tensors.get(node.input[1]) if len(node.input) > 1 else None
            if tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT:
                yield _fingerprint(onnx.numpy_helper.to_array(tensor)), node.name

    return _match(model, weights())


def name_tflite_layers(model: nn.Module, content: bytes) -> tuple[NamedLayer, ...]:
    """Find the layers of a network in its fp32 TFLite file; otherwise as `name_onnx_layers`."""
    from ai_edge_litert import schema_py_generated as schema

    file = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = file.subgraphs[0]

    def weights() -> Iterator[tuple[str, str]]:
        for operator in graph.operators:
            tensor: Any = graph.tensors[operator.inputs[1]] if len(operator.inputs) > 1 else None
            if tensor is None or tensor.type != schema.TensorType.FLOAT32:
                continue
            stored = file.buffers[tensor.buffer].data
            if stored is not None:
                values = np.frombuffer(bytes(stored), np.float32)
                yield _fingerprint(values), graph.tensors[operator.outputs[0]].name.decode()

    return _match(model, weights())


def _fingerprint(values: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.sort(values, axis=None).tobytes()).hexdigest()


def _match(model: nn.Module, weights: Iterator[tuple[str, str]]) -> tuple[NamedLayer, ...]:
    """Give each layer the first operator with its weights that no earlier layer has."""
    operators: defaultdict[str, deque[str]] = defaultdict(deque)
    for fingerprint, operator in weights:
        operators[fingerprint].append(operator)
    named = []
    for node, layer in single_layers(trace(model)):
        same = operators[_fingerprint(layer.weight.detach().numpy())]
        if same:
            named.append(NamedLayer(str(node.target), same.popleft()))
    return tuple(named)
