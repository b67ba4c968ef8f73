"""The layer table of TFLite files: the shipped one, and one written here operator by operator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgecnn.bundle import read_bundle
from edgecnn.errors import BundleError, MissingExtraError
from edgecnn.vision.layer_table import LayerRow
from edgecnn_device.inspect_tflite import inspect_tflite

flatbuffers: Any = pytest.importorskip("flatbuffers", reason="comes with ai-edge-litert")
schema: Any = pytest.importorskip(
    "ai_edge_litert.schema_py_generated", reason="boards with tflite-runtime have no schema"
)


class _File:
    """A TFLite file in the making."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.graph = schema.SubGraphT()
        self.model.version = 3
        self.model.subgraphs = [self.graph]
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, *shape: int, values: Sequence[int] = (), weight: bool = False) -> int:
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.shape = list(shape)
        tensor.type = schema.TensorType.INT32 if len(values) else schema.TensorType.FLOAT32
        data = np.array(values, np.int32) if len(values) else np.zeros(shape, np.float32)
        if len(values) or weight:
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        tensor.name = f"place/{len(self.graph.tensors)}"
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add(self, code: str, inputs: list[int], output: int, kind: str = "", **given: Any) -> int:
        operator, found = schema.OperatorT(), schema.OperatorCodeT()
        found.builtinCode = getattr(schema.BuiltinOperator, code)
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(found)
        operator.inputs, operator.outputs = inputs, [output]
        if kind:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(schema, f"{kind}T")(**given)
        self.graph.operators.append(operator)
        return output

    def rows(self, first: int, last: int) -> list[LayerRow]:
        self.graph.inputs, self.graph.outputs = [first], [last]
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return list(inspect_tflite(bytes(builder.Output()), "net").layers)


SAME, VALID = 0, 1


def test_a_small_network_row_by_row() -> None:
    f = _File()
    x = f.tensor(1, 9, 9, 4)
    padded = f.add(
        "PAD", [x, f.tensor(4, 2, values=[0, 0, 1, 1, 1, 1, 0, 0])], f.tensor(1, 11, 11, 4)
    )
    weights = [f.tensor(8, 3, 3, 4, weight=True), f.tensor(8, weight=True)]
    conv = f.add("CONV_2D", [padded, *weights], f.tensor(1, 5, 5, 8), "Conv2DOptions",
                 padding=VALID, strideH=2, strideW=2)  # fmt: skip
    deep = f.add("DEPTHWISE_CONV_2D", [conv, f.tensor(1, 3, 3, 8, weight=True)],
                 f.tensor(1, 5, 5, 8), "DepthwiseConv2DOptions",
                 padding=SAME, strideH=1, strideW=1, depthMultiplier=1)  # fmt: skip
    point = f.add("CONV_2D", [deep, f.tensor(8, 1, 1, 8, weight=True)], f.tensor(1, 5, 5, 8),
                  "Conv2DOptions", padding=VALID, strideH=1, strideW=1)  # fmt: skip
    joined = f.add("ADD", [point, conv], f.tensor(1, 5, 5, 8), "AddOptions")
    pool = f.add("MAX_POOL_2D", [joined], f.tensor(1, 2, 2, 8), "Pool2DOptions",
                 padding=VALID, strideH=2, strideW=2, filterHeight=2, filterWidth=2)  # fmt: skip
    dense = f.add("FULLY_CONNECTED", [pool, f.tensor(5, 32, weight=True)], f.tensor(1, 5),
                  "FullyConnectedOptions")  # fmt: skip
    rows = f.rows(x, dense)
    assert [row.kind for row in rows] == [
        "pad", "conv2d 3x3 stride 2", "depthwise conv2d 3x3",
        "pointwise conv2d 1x1, depthwise-separable", "add", "max pool 2x2 stride 2", "linear",
    ]  # fmt: skip
    assert [row.macs for row in rows] == [0, 25 * 8 * 36, 25 * 8 * 9, 25 * 8 * 8, 0, 0, 160]
    assert [row.parameters for row in rows] == [0, 296, 72, 64, 0, 0, 160]
    assert [row.receptive_field[0] for row in rows] == [1, 3, 7, 7, 7, 9, 9]
    assert rows[5].note == "stride 2 does not tile: 1 of 5 left over"


def test_what_joins_reshapes_and_reduces() -> None:
    f = _File()
    x = f.tensor(1, 4, 6, 2)
    both = f.add("CONCATENATION", [x, x], f.tensor(1, 4, 6, 4), "ConcatenationOptions")
    large = f.add("RESIZE_BILINEAR", [both, f.tensor(2, values=[8, 12])], f.tensor(1, 8, 12, 4),
                  "ResizeBilinearOptions")  # fmt: skip
    up = f.add("TRANSPOSE_CONV", [f.tensor(4, values=[1, 16, 24, 3]),
                                  f.tensor(3, 2, 2, 4, weight=True), large],
               f.tensor(1, 16, 24, 3), "TransposeConvOptions",
               padding=VALID, strideH=2, strideW=2)  # fmt: skip
    turned = f.add("TRANSPOSE", [up, f.tensor(4, values=[0, 3, 1, 2])], f.tensor(1, 3, 16, 24))
    mean = f.add("MEAN", [turned, f.tensor(1, values=[2])], f.tensor(1, 3, 24), "ReducerOptions")
    odd = f.add("CUMSUM", [mean, f.tensor(1, values=[1])], f.tensor(1, 3, 24))
    kinds = {row.kind: row for row in f.rows(x, f.add("RELU", [odd], f.tensor(1, 3, 24)))}
    assert kinds["concatenate"].receptive_field == (1, 1)
    assert kinds["resize bilinear"].receptive_field == (2, 2)
    assert kinds["transposed conv2d 2x2 stride 2"].macs == 8 * 12 * 4 * 3 * 4
    assert kinds["transposed conv2d 2x2 stride 2"].parameters == 48
    assert kinds["mean over axis 2"].receptive_field == (4, 2)


def test_fields_of_an_unknown_operator_are_not_made_up() -> None:
    f = _File()
    x = f.tensor(1, 4, 4, 2)
    odd = f.add("DEPTH_TO_SPACE", [x], f.tensor(1, 8, 8, 1))
    (row,) = f.rows(x, odd)
    assert (row.kind, row.receptive_field) == ("depth to space", ())


@pytest.mark.parametrize("variant", ["tflite-fp32", "tflite-int8"])
def test_the_shipped_reader(zoo_bundle: Path, variant: str) -> None:
    bundle = read_bundle(zoo_bundle)
    found = inspect_tflite(bundle.model(bundle.variant(variant)), variant)
    assert found.input == (3, 32, 256)
    assert (found.parameters, found.macs) == (534_875, 44_449_792)
    assert found.layers[1].name == "features.0.0"
    assert found.layers[1].output == (16, 128, 16)
    assert found.layers[-1].output == (64, 83)


@pytest.mark.parametrize("keep", [0, 4, 100, 4000])
def test_a_file_cut_short_is_one_clear_error(zoo_bundle: Path, keep: int) -> None:
    bundle = read_bundle(zoo_bundle)
    model = bundle.model(bundle.variant("tflite-int8"))
    with pytest.raises(BundleError, match="not a TFLite model"):
        inspect_tflite(model[:keep], "cut")


def test_without_the_schema_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ai_edge_litert.schema_py_generated", None)
    with pytest.raises(MissingExtraError, match="pip install ai-edge-litert"):
        inspect_tflite(b"", "net")


def test_a_board_inspects_a_bundle_without_torch_and_onnx() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('torch', 'onnx', 'safetensors')))\n"
        "from edgecnn.cli.inspect import command\n"
        "command(['serial-reader', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "serial-reader tflite-fp32"
