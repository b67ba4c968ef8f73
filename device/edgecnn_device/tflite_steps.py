"""Operators of the TFLite schema as layer steps: kind, multiplications, receptive field.

Pictures lie as N, H, W, C.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

from edgecnn.vision import layer_steps as steps
from edgecnn.vision.arithmetic import Window, same_window
from edgecnn.vision.layer_steps import Step
from edgecnn.vision.receptive import Fields

SPATIAL = (1, 2)
SLIDING = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "AVERAGE_POOL_2D", "MAX_POOL_2D"})
"""Operators that a padding before them belongs to."""
_PER_ELEMENT = frozenset(
    (
        "ABS", "ADD", "CAST", "CEIL", "CONCATENATION", "COS", "DEQUANTIZE", "DIV", "ELU",
        "EXP", "FLOOR", "GELU", "HARD_SWISH", "L2_NORMALIZATION", "LEAKY_RELU",
        "LOCAL_RESPONSE_NORMALIZATION", "LOG", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM",
        "MINIMUM", "MUL", "NEG", "POW", "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1",
        "RSQRT", "SIN", "SOFTMAX", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "TANH"
    )
)  # fmt: skip
_WORDS = MappingProxyType({"CONCATENATION": "concatenate", "MUL": "multiply", "SUB": "subtract"})


@dataclass(frozen=True)
class Operator:
    """One operator; shapes with the batch axis."""

    name: str
    shape: tuple[int, ...]
    """Of its first input that depends on the network's, before `pads`."""
    filters: tuple[int, ...]
    """Shape of its filters, where it has any."""
    out: tuple[int, ...]
    options: Any
    constants: tuple[tuple[int, ...], ...]
    """Values of its constant integer operands, such as axes."""
    parts: tuple[Fields | None, ...]
    pads: tuple[tuple[int, int], ...]
    """Pixels before and after, per axis, that an operator of its own put around the input."""

    @property
    def fields(self) -> Fields | None:
        """Of its only input; None where there are several."""
        return self.parts[0] if len(self.parts) == 1 else None


def operator_step(op: Operator) -> Step:
    """Describe one operator; of one that is not known, the fields are not."""
    if op.name in _DESCRIBED:
        return _DESCRIBED[op.name](op)
    kind = _WORDS.get(op.name, op.name.lower().replace("_", " "))
    if "PAD" in op.name:
        return Step("pad", op.fields)
    if op.name in _PER_ELEMENT:
        return steps.element_step(kind, op.shape, op.out, op.parts)
    return Step(kind, None)


def _windows(op: Operator, kernel: Sequence[int], axes: Sequence[int]) -> tuple[Window, ...]:
    sides = ("D", "H", "W")[-len(kernel) :]
    windows = []
    for side, axis, length in zip(sides, axes, kernel, strict=True):
        stride = getattr(op.options, f"stride{side}")
        dilation = getattr(op.options, f"dilation{side}Factor", 1)
        near, far = op.pads[axis] if op.pads else (0, 0)
        same = op.options.padding == 0  # schema: SAME
        window = (same_window(op.shape[axis] + near + far, length, stride, dilation) if same
                  else Window(length, stride, dilation=dilation))  # fmt: skip
        windows.append(replace(window, before=window.before + near, after=window.after + far))
    return tuple(windows)


def _conv(op: Operator) -> Step:
    """Describe a convolution; filters lie as (out, H, W, in / groups)."""
    windows = _windows(op, op.filters[1:3], SPATIAL)
    groups = op.shape[-1] // op.filters[-1]
    macs = prod(op.out) * prod(op.filters[1:])
    return steps.conv_step(op.shape, windows, SPATIAL, op.fields, channels=op.shape[-1],
                           groups=groups, macs=macs)  # fmt: skip


def _depthwise(op: Operator) -> Step:
    """Describe a depthwise convolution; filters lie as (1, H, W, out)."""
    windows = _windows(op, op.filters[1:3], SPATIAL)
    macs = prod(op.out) * prod(op.filters[1:3])
    return steps.conv_step(op.shape, windows, SPATIAL, op.fields, channels=op.shape[-1],
                           groups=op.shape[-1], macs=macs)  # fmt: skip


def _transposed(op: Operator) -> Step:
    """Describe a transposed convolution; filters lie as (out, H, W, in)."""
    windows = _windows(op, op.filters[1:3], SPATIAL)
    return steps.conv_step(op.shape, windows, SPATIAL, op.fields, channels=op.shape[-1], groups=1,
                           macs=prod(op.shape) * prod(op.filters[:3]), transposed=True)  # fmt: skip


def _conv_3d(op: Operator) -> Step:
    """Describe a 3-D convolution; filters lie as (D, H, W, in, out)."""
    windows = _windows(op, op.filters[:3], (1, 2, 3))
    return steps.conv_step(op.shape, windows, (1, 2, 3), op.fields, channels=op.shape[-1], groups=1,
                           macs=prod(op.out) * prod(op.filters[:4]))  # fmt: skip


def _linear(op: Operator) -> Step:
    """Describe a fully connected layer; filters lie as (out, in), and its input is flattened."""
    flat = (prod(op.shape) // op.filters[-1], op.filters[-1])
    fields = op.fields and op.fields.reshape(op.shape, flat)
    step = steps.linear_step(flat, fields, prod(op.out) * op.filters[-1])
    back = step.fields and step.fields.reshape((*flat[:1], 1), (*op.out[:-1], 1))
    return Step(step.kind, back, step.macs)


def _pool(op: Operator) -> Step:
    word = "average pool" if op.name.startswith("AVERAGE") else "max pool"
    kernel = (op.options.filterHeight, op.options.filterWidth)
    if kernel == op.shape[1:3] and op.out[1:3] == (1, 1):
        return steps.adaptive_step(word, op.shape, op.out, SPATIAL, op.fields)
    return steps.pool_step(word, op.shape, _windows(op, kernel, SPATIAL), SPATIAL, op.fields)


def _reduce(op: Operator) -> Step:
    rank = len(op.shape)
    gone = [axis % rank for axis in op.constants[0]]
    word = {"REDUCE_MAX": "max", "REDUCE_MIN": "min"}.get(op.name, op.name.lower())
    spatial = range(1, rank - 1)
    return steps.reduce_step(word, op.shape, gone, spatial, op.options.keepDims, op.fields)


def _reshape(op: Operator) -> Step:
    return steps.reshape_step(op.name.lower().replace("_", " "), op.shape, op.out, op.fields)


def _transpose(op: Operator) -> Step:
    return Step("transpose", op.fields and op.fields.permute(op.constants[0]))


def _resize(op: Operator) -> Step:
    mode = "nearest" if "NEAREST" in op.name else "bilinear"
    return steps.resize_step(mode, op.shape, op.out, SPATIAL, op.fields)


def _product(op: Operator) -> Step:
    depth = op.shape[-2] if op.options.adjX else op.shape[-1]
    return Step("matrix product", None, prod(op.out) * depth)


_DESCRIBED: Mapping[str, Callable[[Operator], Step]] = MappingProxyType(
    {"CONV_2D": _conv, "DEPTHWISE_CONV_2D": _depthwise, "TRANSPOSE_CONV": _transposed,
     "CONV_3D": _conv_3d, "FULLY_CONNECTED": _linear, "BATCH_MATMUL": _product,
     "AVERAGE_POOL_2D": _pool, "MAX_POOL_2D": _pool, "MEAN": _reduce, "SUM": _reduce,
     "REDUCE_MAX": _reduce, "REDUCE_MIN": _reduce, "RESHAPE": _reshape, "SQUEEZE": _reshape,
     "EXPAND_DIMS": _reshape, "TRANSPOSE": _transpose, "RESIZE_BILINEAR": _resize,
     "RESIZE_NEAREST_NEIGHBOR": _resize}
)  # fmt: skip
