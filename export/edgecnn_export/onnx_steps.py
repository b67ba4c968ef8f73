"""Operators of ONNX as layer steps: kind, multiplications, receptive field.

Pictures lie as N, C, H, W; the attributes are those of onnx.ai/onnx/operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any

from edgecnn.vision import layer_steps as steps
from edgecnn.vision.arithmetic import Window, same_window
from edgecnn.vision.layer_steps import Step
from edgecnn.vision.receptive import Fields

_PER_ELEMENT = frozenset(
    (
        "Abs", "Add", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "DequantizeLinear",
        "Div", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
        "Identity", "LRN", "LeakyRelu", "Log", "LogSoftmax", "Max", "Min", "Mish", "Mul", "Neg",
        "PRelu", "Pow", "QuantizeLinear", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softmax",
        "Softplus", "Sqrt", "Sub", "Tanh",
    )
)  # fmt: skip
_WORDS = MappingProxyType({"Concat": "concatenate", "Mul": "multiply", "Sub": "subtract"})
_REDUCTIONS = MappingProxyType(
    {"ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceSum": "sum"}
)


@dataclass(frozen=True)
class Operator:
    """One operator; shapes with the batch axis."""

    kind: str
    shape: tuple[int, ...]
    """Of its first input that depends on the network's."""
    filters: tuple[int, ...]
    """Shape of its first weight, where it has one."""
    out: tuple[int, ...]
    attributes: Mapping[str, Any]
    constants: tuple[tuple[int, ...], ...]
    """Values of its constant integer operands, such as axes."""
    parts: tuple[Fields | None, ...]

    @property
    def fields(self) -> Fields | None:
        """Of its only input; None where there are several."""
        return self.parts[0] if len(self.parts) == 1 else None


def operator_step(op: Operator) -> Step:
    """Describe one operator; of one that is not known, the fields are not."""
    kind = _WORDS.get(op.kind, op.kind.lower())
    if op.kind in _DESCRIBED:
        return _DESCRIBED[op.kind](op)
    if op.kind in _REDUCTIONS:
        return _reduce(op)
    if op.kind in _PER_ELEMENT:
        return steps.element_step(kind, op.shape, op.out, op.parts)
    return Step(kind, op.fields if op.kind in {"Pad", "Slice"} else None)


def _windows(op: Operator, kernel: Sequence[int]) -> tuple[Window, ...]:
    rank, given = len(kernel), op.attributes
    strides = given.get("strides", [1] * rank)
    dilations = given.get("dilations", [1] * rank)
    if given.get("auto_pad", b"NOTSET") in {b"SAME_UPPER", b"SAME_LOWER"}:
        return tuple(same_window(*side) for side in zip(op.shape[2:], kernel, strides, dilations,
                                                         strict=True))  # fmt: skip
    pads = given.get("pads", [0] * (2 * rank))
    sides = zip(kernel, strides, pads[:rank], pads[rank:], dilations, strict=True)
    return tuple(Window(*side, bool(given.get("ceil_mode", 0))) for side in sides)


def _conv(op: Operator) -> Step:
    """Describe a convolution; filters lie as (out, in / groups, kernel...)."""
    windows = _windows(op, op.filters[2:])
    return steps.conv_step(op.shape, windows, range(2, len(op.shape)), op.fields,
                           channels=op.shape[1], groups=op.attributes.get("group", 1),
                           macs=prod(op.out) * prod(op.filters[1:]))  # fmt: skip


def _transposed(op: Operator) -> Step:
    """Describe a transposed convolution; filters lie as (in, out / groups, kernel...)."""
    windows = _windows(op, op.filters[2:])
    return steps.conv_step(op.shape, windows, range(2, len(op.shape)), op.fields, transposed=True,
                           channels=op.shape[1], groups=op.attributes.get("group", 1),
                           macs=prod(op.shape) * prod(op.filters[1:]))  # fmt: skip


def _linear(op: Operator) -> Step:
    if not op.filters:
        return Step("matrix product", None, prod(op.out) * op.shape[-1])
    return steps.linear_step(op.shape, op.fields, prod(op.out) * op.shape[-1])


def _pool(op: Operator) -> Step:
    word = "average pool" if "Average" in op.kind else "max pool"
    axes = range(2, len(op.shape))
    if op.kind.startswith("Global"):
        return steps.adaptive_step(word, op.shape, op.out, axes, op.fields)
    windows = _windows(op, op.attributes["kernel_shape"])
    return steps.pool_step(word, op.shape, windows, axes, op.fields)


def _reduce(op: Operator) -> Step:
    rank = len(op.shape)
    given = op.attributes.get("axes") or (op.constants[0] if op.constants else range(rank))
    keep = bool(op.attributes.get("keepdims", 1))
    gone = [axis % rank for axis in given]
    word = _REDUCTIONS[op.kind]
    return steps.reduce_step(word, op.shape, gone, range(2, rank), keep, op.fields)


def _reshape(op: Operator) -> Step:
    return steps.reshape_step(op.kind.lower(), op.shape, op.out, op.fields)


def _transpose(op: Operator) -> Step:
    order = op.attributes.get("perm") or range(len(op.shape))[::-1]
    return Step("transpose", op.fields and op.fields.permute(order))


def _resize(op: Operator) -> Step:
    mode = op.attributes.get("mode", b"nearest").decode()
    return steps.resize_step(mode, op.shape, op.out, range(2, len(op.shape)), op.fields)


_DESCRIBED: Mapping[str, Callable[[Operator], Step]] = MappingProxyType(
    {"Conv": _conv, "ConvTranspose": _transposed, "Gemm": _linear, "MatMul": _linear,
     "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _pool, "GlobalMaxPool": _pool,
     "Reshape": _reshape, "Flatten": _reshape, "Squeeze": _reshape, "Unsqueeze": _reshape,
     "Transpose": _transpose, "Resize": _resize}
)  # fmt: skip
