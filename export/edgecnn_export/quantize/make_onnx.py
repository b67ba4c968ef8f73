"""Makes the ONNX file of each scheme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import update_opset_version
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from edgecnn_export.quantize.onnx_dynamic import compute_int8
from edgecnn_export.quantize.onnx_graph import head_names, node_names, prepare, tail_names
from edgecnn_export.quantize.onnx_weights import store_int8
from edgecnn_export.quantize.ranges import Ranges
from edgecnn_export.quantize.schemes import Scheme
from edgecnn_export.quiet import quiet
from edgecnn_export.to_onnx import strip


def make_onnx(fp32: bytes, scheme: Scheme, ranges: Ranges | None, excluded: Sequence[str]) -> bytes:
    """Return the file of a scheme; see `edgecnn_export.quantize.quantize`."""
    proto = prepare(fp32)
    floats = node_names(proto, excluded)
    with quiet():
        if scheme.name == "fp16":
            from onnxruntime.transformers.float16 import convert_float_to_float16

            proto = convert_float_to_float16(proto, keep_io_types=True, node_block_list=floats)
            ONNXModel(proto).topological_sort()
        elif scheme.name == "int8-weights":
            store_int8(proto, excluded)
        elif scheme.name == "int8-dynamic":
            compute_int8(proto, excluded)
        else:
            assert ranges is not None
            proto = _static(proto, scheme, ranges, floats)
    strip(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def _static(
    proto: onnx.ModelProto, scheme: Scheme, ranges: Ranges, floats: list[str]
) -> onnx.ModelProto:
    """Put QuantizeLinear and DequantizeLinear around the operators, by our own ranges.

    Activations are signed: unsigned ones with signed weights can saturate on x86-64 processors
    without VNNI.
    """
    data = {
        t.name: TensorData(lowest=np.float32(t.low), highest=np.float32(t.high))
        for t in ranges.tensors
    }
    activations = QuantType.QInt16 if scheme.activation_bits == 16 else QuantType.QInt8
    quantizer = QDQQuantizer(
        update_opset_version(proto, QuantType.QInt8, activations),
        per_channel=True, reduce_range=False, weight_qType=QuantType.QInt8,
        activation_qType=activations, tensors_range=TensorsData(CalibrationMethod.MinMax, data),
        nodes_to_quantize=[], nodes_to_exclude=[*floats, *head_names(proto), *tail_names(proto)],
        op_types_to_quantize=sorted({*QLinearOpsRegistry, *QDQRegistry}),
        extra_options={"ActivationSymmetric": scheme.name != "int8"},
    )  # fmt: skip
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    made: onnx.ModelProto = quantizer.model.model
    return made
