"""Functions and methods in a traced network as layer steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.nn import functional

from edgecnn.models.layer_steps import (
    Sides,
    conv_step,
    last_axes,
    make_windows,
    spread,
    transposed_step,
)
from edgecnn.vision import layer_steps as steps
from edgecnn.vision.layer_steps import Step
from edgecnn.vision.receptive import Fields

Call = tuple[Sequence[Any], Mapping[str, Any]]
"""Positional and keyword arguments, tensors among them."""

# Dispatchers of torch whose own name is "fn".
_NAMES: Mapping[Any, str] = MappingProxyType(
    {getattr(functional, f"{kind}_pool{rank}d"): f"{kind}_pool{rank}d"
     for kind in ("max", "adaptive_max") for rank in (1, 2, 3)}
)  # fmt: skip
_WORDS = MappingProxyType(
    {"cat": "concatenate", "concat": "concatenate", "mul": "multiply", "sub": "subtract",
     "matmul": "matrix product", "bmm": "matrix product", "view": "reshape", "permute": "transpose",
     "getitem": "slice"}
)  # fmt: skip
_REDUCTIONS = MappingProxyType(
    {"mean": "mean", "sum": "sum", "amax": "max", "max": "max", "amin": "min", "norm": "norm"}
)
_RESHAPES = ("flatten", "reshape", "view", "squeeze", "unsqueeze", "unflatten")


def function_name(target: Any) -> str:
    """Return the plain name of a function or method: ``add`` for iadd and add_ too."""
    name = target if isinstance(target, str) else _NAMES.get(target, target.__name__)
    name = str(name).strip("_")
    return name.removeprefix("i") if name in {"iadd", "imul", "isub"} else name


def function_step(
    name: str, call: Call, x: Tensor, out: Tensor, parts: Sequence[Fields | None]
) -> Step:
    """Describe one call.

    Args:
        name: what `function_name` returned.
        call: its arguments.
        x: the first tensor that depends on the input.
        out: what it returned.
        parts: fields of all its tensors that depend on the input; None where they are unknown.
    """
    fields = parts[0] if len(parts) == 1 else None
    kind = _WORDS.get(name, name.replace("_", " "))
    if name in _DESCRIBED:
        step = _DESCRIBED[name](x, out, fields, call)
    elif "pool" in name and name[-2:] in {"1d", "2d", "3d"}:
        step = _pool(name, x, out, fields, call)
    elif name in _REDUCTIONS:
        step = _reduce(_REDUCTIONS[name], x, fields, call)
    elif name in _RESHAPES:
        step = steps.reshape_step(kind, x.shape, out.shape, fields)
    elif name in {"permute", "transpose"}:
        step = Step(kind, fields and fields.permute(_order(name, x.ndim, call)))
    elif name in {"matmul", "bmm"}:
        step = Step(kind, None, out.numel() * x.shape[-1])
    elif name in {"pad", "getitem"} and x.ndim == out.ndim:
        step = Step(kind, fields)
    else:
        step = steps.element_step(kind, x.shape, out.shape, parts)
    return step


def _conv(x: Tensor, out: Tensor, fields: Fields | None, call: Call) -> Step:
    def bind(
        weight: Tensor, bias: Any = None, stride: Sides = 1, padding: Sides | str = 0,
        dilation: Sides = 1, groups: int = 1,
    ) -> Step:  # fmt: skip
        return conv_step(x, weight, out, fields, stride=stride, padding=padding,
                         dilation=dilation, groups=groups)  # fmt: skip

    return bind(*call[0][1:], **_without_input(call))


def _transposed(x: Tensor, out: Tensor, fields: Fields | None, call: Call) -> Step:
    def bind(
        weight: Tensor, bias: Any = None, stride: Sides = 1, padding: Sides = 0,
        output_padding: Sides = 0, groups: int = 1, dilation: Sides = 1,
    ) -> Step:  # fmt: skip
        return transposed_step(x, weight, fields, stride=stride, dilation=dilation, groups=groups)

    return bind(*call[0][1:], **_without_input(call))


def _linear(x: Tensor, out: Tensor, fields: Fields | None, call: Call) -> Step:
    return steps.linear_step(x.shape, fields, out.numel() * x.shape[-1])


def _pool(name: str, x: Tensor, out: Tensor, fields: Fields | None, call: Call) -> Step:
    word = "average pool" if "avg" in name else "max pool"
    axes = last_axes(x, int(name[-2]))
    if name.startswith("adaptive"):
        return steps.adaptive_step(word, x.shape, out.shape, axes, fields)

    def average(
        kernel_size: Sides, stride: Sides | None = None, padding: Sides = 0,
        ceil_mode: bool = False, *rest: Any, **other: Any,
    ) -> Step:  # fmt: skip
        windows = make_windows(spread(kernel_size, len(axes)), stride, padding, 1, ceil_mode)
        return steps.pool_step(word, x.shape, windows, axes, fields)

    def largest(
        kernel_size: Sides, stride: Sides | None = None, padding: Sides = 0, dilation: Sides = 1,
        ceil_mode: bool = False, *rest: Any, **other: Any,
    ) -> Step:  # fmt: skip
        windows = make_windows(spread(kernel_size, len(axes)), stride, padding, dilation, ceil_mode)
        return steps.pool_step(word, x.shape, windows, axes, fields)

    bind = average if "avg" in name else largest
    return bind(*call[0][1:], **_without_input(call))


def _reduce(word: str, x: Tensor, fields: Fields | None, call: Call) -> Step:
    args, options = call
    given = options.get("dim", args[1] if len(args) > 1 else None)
    axes = range(x.ndim) if given is None else [given] if isinstance(given, int) else given
    keep = bool(options.get("keepdim", len(args) > 2 and args[2]))
    gone = [axis % x.ndim for axis in axes]
    return steps.reduce_step(word, x.shape, gone, range(2, x.ndim), keep, fields)


def _interpolate(x: Tensor, out: Tensor, fields: Fields | None, call: Call) -> Step:
    args, options = call
    mode = str(options.get("mode", args[3] if len(args) > 3 else "nearest"))
    return steps.resize_step(mode, x.shape, out.shape, range(2, x.ndim), fields)


def _order(name: str, rank: int, call: Call) -> list[int]:
    args, options = call
    if name == "transpose":
        a, b = (options.get(f"dim{i}", args[i + 1] if len(args) > i + 1 else i) for i in range(2))
        order = list(range(rank))
        order[a % rank], order[b % rank] = order[b % rank], order[a % rank]
        return order
    given = options.get("dims", args[1] if len(args) == 2 else args[1:])
    return [axis % rank for axis in given]


def _without_input(call: Call) -> dict[str, Any]:
    return {key: value for key, value in call[1].items() if key != "input"}


_DESCRIBED: Mapping[str, Callable[[Tensor, Tensor, Fields | None, Call], Step]] = MappingProxyType(
    {**{f"conv{rank}d": _conv for rank in (1, 2, 3)},
     **{f"conv_transpose{rank}d": _transposed for rank in (1, 2, 3)},
     "linear": _linear, "interpolate": _interpolate}
)  # fmt: skip
