"""torch to ONNX: fp32, and static int8 as QDQ with per-channel weights."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from edgecnn_export.quiet import quiet

INPUT = "input"
SCHEME_INT8 = "static_qdq_wi8_per_channel_ai8"


class _ChannelsLast(nn.Module):
    """Takes (N, H, W, C), as the TFLite variants do, so that one manifest fits both."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x.permute(0, 3, 1, 2))
        return out


def to_onnx(model: nn.Module, example: NDArray[np.float32]) -> bytes:
    """Export to one fp32 ONNX file.

    Args:
        model: takes (N, C, H, W), in evaluation mode.
        example: (1, H, W, C); shapes are static.

    Returns:
        The file's bytes; equal for equal weights.
    """
    with quiet():
        program = torch.onnx.export(
            _ChannelsLast(model).eval(), (torch.from_numpy(example),), dynamo=True,
            external_data=False, input_names=[INPUT], output_names=["output"], verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    proto = program.model_proto
    strip(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def strip(proto: onnx.ModelProto) -> None:
    """Drop what the exporter notes about this machine: stack traces and source paths."""
    del proto.metadata_props[:]
    proto.doc_string = ""
    graph = proto.graph
    del graph.metadata_props[:]
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: NDArray[np.float32]) -> None:
        self._samples: Iterator[NDArray[np.float32]] = iter(inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        sample = next(self._samples, None)
        return None if sample is None else {INPUT: sample[None]}


def quantize_onnx(model: bytes, calibration: NDArray[np.float32]) -> bytes:
    """Quantize to int8: weights per channel, activations per tensor, ranges by min and max.

    Args:
        model: an fp32 ONNX file.
        calibration: (N, H, W, C).

    Returns:
        The QDQ model's bytes. Activations are signed: unsigned ones with signed weights can
        saturate on x86-64 processors without VNNI.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, ready, out = (Path(folder) / f"{n}.onnx" for n in ("source", "ready", "out"))
        source.write_bytes(model)
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready), str(out), _Reader(calibration), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        proto = onnx.load(str(out))
    strip(proto)
    return bytes(proto.SerializeToString(deterministic=True))
