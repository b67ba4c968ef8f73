from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgecnn.bundle import read_bundle
from edgecnn.errors import BundleError
from edgecnn_device.inspect_tflite import inspect_tflite
from edgecnn_export.inspect_onnx import inspect_onnx


def _model(nodes: list[Any], shape: tuple[int, ...], **constants: Any) -> bytes:
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name.replace("__", "."))
         for name, value in constants.items()],
    )  # fmt: skip
    opset = helper.make_opsetid("", 18)
    return bytes(helper.make_model(graph, opset_imports=[opset]).SerializeToString())


def _zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def test_a_small_network_row_by_row() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a.weight", "a.bias"], ["a"], strides=[2, 2],
                         pads=[1, 1, 1, 1], name="n0"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "c.weight"], ["c"], group=8, auto_pad="SAME_UPPER"),
        helper.make_node("Conv", ["c", "d.weight"], ["d"]),
        helper.make_node("Add", ["d", "b"], ["e"], name="join"),
        helper.make_node("MaxPool", ["e"], ["f"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("Gemm", ["g", "h.weight"], ["y"], transB=1),
    ]  # fmt: skip
    model = _model(
        nodes, (1, 4, 9, 9), a__weight=_zeros(8, 4, 3, 3), a__bias=_zeros(8),
        c__weight=_zeros(8, 1, 3, 3), d__weight=_zeros(8, 8, 1, 1), h__weight=_zeros(5, 32),
    )  # fmt: skip
    found = inspect_onnx(model, "net", channels_last=False)
    assert [(row.name, row.kind) for row in found.layers] == [
        ("a", "conv2d 3x3 stride 2"), ("c", "depthwise conv2d 3x3"),
        ("d", "pointwise conv2d 1x1, depthwise-separable"), ("join", "add"),
        ("maxpool", "max pool 2x2 stride 2"), ("flatten", "flatten"), ("h", "linear"),
    ]  # fmt: skip
    assert [row.macs for row in found.layers] == [7200, 1800, 1600, 0, 0, 0, 160]
    assert [row.parameters for row in found.layers] == [296, 72, 64, 0, 0, 0, 160]
    assert [row.receptive_field[0] for row in found.layers] == [3, 7, 7, 7, 9, 9, 9]
    assert found.input == (4, 9, 9)


def test_what_joins_reshapes_and_reduces() -> None:
    nodes = [
        helper.make_node("Concat", ["x", "x"], ["a"], axis=1),
        helper.make_node("ConvTranspose", ["a", "b.weight"], ["b"], strides=[2, 2]),
        helper.make_node("Split", ["b"], ["c", "d"], axis=1, num_outputs=2),
        helper.make_node("MatMul", ["c", "e"], ["f"]),
        helper.make_node("ReduceMean", ["f", "axes"], ["g"], keepdims=0),
        helper.make_node("Transpose", ["g"], ["y"], perm=[0, 2, 1]),
    ]
    model = _model(
        nodes, (1, 2, 4, 6), b__weight=_zeros(4, 6, 2, 2), e=_zeros(12, 7),
        axes=np.array([2], np.int64),
    )  # fmt: skip
    rows = inspect_onnx(model, "net", channels_last=False).layers
    assert [row.kind for row in rows] == [
        "concatenate", "transposed conv2d 2x2 stride 2", "linear", "mean over axis 2", "transpose",
    ]  # fmt: skip
    assert [row.macs for row in rows] == [0, 4 * 24 * 6 * 4, 3 * 8 * 12 * 7, 0, 0]
    assert rows[2].receptive_field == (1, 6)
    assert rows[3].receptive_field == (4, 6)


def test_a_global_pooling_sees_all_and_an_unknown_operator_nothing() -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["a"]),
        helper.make_node("DepthToSpace", ["a"], ["y"], blocksize=2),
    ]
    pool, odd = inspect_onnx(_model(nodes, (1, 4, 6, 6)), "net", channels_last=False).layers
    assert (pool.kind, pool.receptive_field) == ("global average pool", (6, 6))
    assert (odd.kind, odd.receptive_field) == ("depthtospace", ())


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_both_formats_of_the_shipped_reader_cost_the_same(zoo_bundle: Path, precision: str) -> None:
    bundle = read_bundle(zoo_bundle)
    model = bundle.model(bundle.variant(f"onnx-{precision}"))
    found = inspect_onnx(model, "reader", channels_last=True)
    other = inspect_tflite(bundle.model(bundle.variant(f"tflite-{precision}")), "reader")
    assert found.input == other.input == (3, 32, 256)
    assert (found.parameters, found.macs) == (other.parameters, other.macs)
    assert found.layers[1].name == "backbone.features.0.0"
    assert found.layers[1].receptive_field == (3, 3)


@pytest.mark.parametrize("model", [b"", b"no model", b"\xff" * 64])
def test_another_file_is_one_clear_error(model: bytes) -> None:
    with pytest.raises(BundleError, match="not an ONNX model"):
        inspect_onnx(model, "net", channels_last=False)
