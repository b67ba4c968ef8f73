"""Reads the weights of a quantized TFLite MobileNetV2, and dequantizes them for ours.

The file is a flatbuffer of the public TFLite schema. Quantized values are affine, per tensor or
per channel: real = (stored - zero point) * scale (Jacob et al., "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, equation 1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.errors import CheckpointError, MissingExtraError

IN_ORDER = ("mobilenet_v2",)
"""Networks whose layers stand in the order in which they run, as the file's operators do."""


@dataclass(frozen=True, eq=False)
class FileLayer:
    """One operator with weights, in torch's axes."""

    name: str
    """Of the weight tensor in the file."""
    weight: Tensor
    """(out, in / groups, H, W), or (out, in) of a fully connected operator."""
    bias: Tensor
    """(out,)"""
    stride: tuple[int, int]
    same: bool
    """Whether the padding is TensorFlow's SAME."""


def read_layers(content: bytes, name: str) -> list[FileLayer]:
    """Return the convolutions and fully connected operators of a file, in running order.

    Args:
        content: the whole TFLite file.
        name: what errors call it.

    Raises:
        CheckpointError: the file is damaged, or a weight is of a kind that is not read.
        MissingExtraError: ai-edge-litert, which brings the schema, is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise MissingExtraError("ai-edge-litert") from error
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        return list(_layers(schema, model, name))
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{name}: a damaged TFLite file: {error}") from error


def name_layers(model: nn.Module, layers: Sequence[FileLayer], name: str) -> dict[str, Tensor]:
    """Give the tensors of a file the names that a network's ``state_dict`` has.

    The file's batch-norm is folded into its convolutions. Ours becomes the identity plus the
    bias (weight 1, mean 0, variance 1 - eps), which is exact in evaluation mode. These statistics
    are not the data's: before training with live batch-norm see `restore_statistics`.

    Args:
        model: a network of `IN_ORDER`; when it has no classifier, the file's is left out.
        layers: from `read_layers`.
        name: what errors call the file.

    Raises:
        CheckpointError: number, kind, stride padding or shape of a layer differs; the message
            names the first. Only the outputs of the last layer are not compared.
    """
    slots = list(_slots(model))
    headless = not any(slot.startswith("classifier") for slot, _, _ in slots)
    wanted = layers[:-1] if headless else layers
    tensors: dict[str, Tensor] = {}
    for index, ((slot, module, norm), layer) in enumerate(zip(slots, wanted, strict=False)):
        last = slot.startswith("classifier") and index == len(slots) - 1
        _check(slot, module, layer, name, last)
        tensors[f"{slot}.weight"] = layer.weight.reshape(-1, *module.weight.shape[1:]).contiguous()
        if norm is None:
            tensors[f"{slot}.bias"] = layer.bias
        else:
            tensors |= _identity_norm(*norm, layer.bias)
    if len(slots) != len(wanted):
        odd = slots[len(wanted)][0] if len(slots) > len(wanted) else wanted[len(slots)].name
        raise CheckpointError(
            f"{name}: expected {len(slots)} layers with weights, the file has {len(wanted)}: "
            f"{odd} has no counterpart"
        )
    return tensors


Slot = tuple[str, nn.Conv2d | nn.Linear, tuple[str, nn.BatchNorm2d] | None]


def _slots(model: nn.Module) -> Iterator[Slot]:
    """Yield each layer with weights and the batch-norm that follows it."""
    pending: tuple[str, nn.Conv2d | nn.Linear] | None = None
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if pending:
                yield *pending, None
            pending = name, module
        elif isinstance(module, nn.BatchNorm2d) and pending:
            yield *pending, (name, module)
            pending = None
    if pending:
        yield *pending, None


def _identity_norm(name: str, norm: nn.BatchNorm2d, bias: Tensor) -> dict[str, Tensor]:
    return {
        f"{name}.weight": torch.ones_like(bias),
        f"{name}.bias": bias,
        f"{name}.running_mean": torch.zeros_like(bias),
        f"{name}.running_var": torch.full_like(bias, 1 - norm.eps),
    }


def _check(
    slot: str, module: nn.Conv2d | nn.Linear, layer: FileLayer, name: str, last: bool
) -> None:
    wanted, found = tuple(module.weight.shape), tuple(layer.weight.shape)
    if isinstance(module, nn.Linear) and found[2:] == (1, 1):
        found = found[:2]  # a 1x1 convolution on the pooled features
    if found[1:] != wanted[1:] or (not last and found != wanted):
        raise CheckpointError(
            f"{name}: {slot}.weight should be {wanted}, is {found} ({layer.name}): "
            "another architecture or width"
        )
    if isinstance(module, nn.Linear) or module.kernel_size == (1, 1) or module.stride == (1, 1):
        return
    # With other strides the features differ anyway: weights are only a start.
    if layer.same and layer.stride == module.stride and module.padding != (0, 0):
        raise CheckpointError(
            f"{name}: {slot} was trained with TensorFlow's SAME padding: "
            "build the network with same_padding"
        )


def _layers(schema: Any, model: Any, name: str) -> Iterator[FileLayer]:
    kinds = schema.BuiltinOperator
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED):
            continue
        tensor = graph.tensors[operator.inputs[1]]
        label = tensor.name.decode("utf-8", "replace").split(";")[0]
        values = _dequantize(schema, model, tensor, f"{name}: {label}")
        if kind == kinds.CONV_2D:
            values = values.transpose(0, 3, 1, 2)
        elif kind == kinds.DEPTHWISE_CONV_2D:
            values = values.transpose(3, 0, 1, 2)
        bias = np.zeros(len(values), np.float32)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            bias = _dequantize(schema, model, graph.tensors[operator.inputs[2]], f"{name}: {label}")
        options = operator.builtinOptions
        connected = kind == kinds.FULLY_CONNECTED
        yield FileLayer(
            label, torch.from_numpy(values), torch.from_numpy(bias),
            (1, 1) if connected else (options.strideH, options.strideW),
            not connected and options.padding == schema.Padding.SAME,
        )  # fmt: skip


def _dequantize(schema: Any, model: Any, tensor: Any, label: str) -> NDArray[np.float32]:
    types = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.INT8: np.int8,
        schema.TensorType.UINT8: np.uint8,
        schema.TensorType.INT32: np.int32,
    }
    data = model.buffers[tensor.buffer].data
    if tensor.type not in types or data is None:
        raise CheckpointError(f"{label}: expected a constant of float32, int8, uint8 or int32")
    values = np.frombuffer(bytes(data), types[tensor.type]).reshape(tensor.shape)
    if tensor.type == schema.TensorType.FLOAT32:
        return np.array(values, np.float32)
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or quantization.zeroPoint is None:
        raise CheckpointError(f"{label}: expected scale and zero point of a quantized tensor")
    shape = [1] * values.ndim
    shape[quantization.quantizedDimension] = -1
    scale = np.asarray(quantization.scale, np.float64).reshape(shape)
    zero = np.asarray(quantization.zeroPoint, np.float64).reshape(shape)
    return np.asarray((values - zero) * scale, np.float32)
