"""Shows every activation of an ONNX model, one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input
from edgecnn_export.quantize.onnx_graph import prepare

AT_ONCE = 1 << 26
"""Values held at a time; where a sample has more activations it is run more than once."""


class OnnxTap:
    """The prepared model in onnxruntime, its activations as further outputs."""

    def __init__(self, model: bytes) -> None:
        proto = prepare(model)
        graph = proto.graph
        known = {v.name: v for v in (*graph.input, *graph.value_info, *graph.output)}
        made = [name for node in graph.node for name in node.output if _is_float(known.get(name))]
        outputs = {value.name for value in graph.output}
        graph.output.extend(known[name] for name in made if name not in outputs)
        self._input = graph.input[0].name
        self._groups = _groups({name: _size(known[name]) for name in made})
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1  # more would round by the number of cores
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, sample: Input) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run (1, ...) and yield the name and values of the input and of every activation."""
        if sample.dtype == np.float32:  # pixels are integers already
            yield self._input, np.asarray(sample, np.float32)
        for names in self._groups:
            values = self._session.run(names, {self._input: sample})
            values.reverse()
            for name in names:
                yield name, values.pop()  # nothing here holds it any longer


def _is_float(value: onnx.ValueInfoProto | None) -> bool:
    return value is not None and value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def _size(value: onnx.ValueInfoProto) -> int:
    return prod(max(1, d.dim_value) for d in value.type.tensor_type.shape.dim)


def _groups(sizes: dict[str, int]) -> list[list[str]]:
    groups: list[list[str]] = []
    room = 0
    for name, size in sizes.items():
        if not groups or size > room:
            groups.append([])
            room = AT_ONCE
        groups[-1].append(name)
        room -= size
    return groups
