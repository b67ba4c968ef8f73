"""Modules of torch.nn as layer steps: kind, multiplications, receptive field."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.vision import layer_steps as steps
from edgecnn.vision.arithmetic import Window
from edgecnn.vision.layer_steps import Step
from edgecnn.vision.receptive import Fields

Sides = int | Sequence[int]

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
POOLS = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
)  # fmt: skip
ADAPTIVE_POOLS = (
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
PER_ELEMENT = (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d, nn.PReLU)
"""Modules with parameters that see one element; normalizing over pixels does not count."""
KEEP_SHAPE = (*BATCH_NORMS, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Dropout)
"""Frequent modules whose output has the shape of their input."""


def conv_step(
    x: Tensor, weight: Tensor, out: Tensor, fields: Fields | None, *, stride: Sides = 1,
    padding: Sides | str = 0, dilation: Sides = 1, groups: int = 1,
) -> Step:  # fmt: skip
    """Describe a convolution with filters of shape (out, in / groups, kernel...)."""
    windows = make_windows(tuple(weight.shape[2:]), stride, padding, dilation)
    macs = out.numel() * weight[0].numel()
    return steps.conv_step(x.shape, windows, last_axes(x, len(windows)), fields,
                           channels=x.shape[1], groups=groups, macs=macs)  # fmt: skip


def transposed_step(
    x: Tensor, weight: Tensor, fields: Fields | None, *, stride: Sides = 1, dilation: Sides = 1,
    groups: int = 1,
) -> Step:  # fmt: skip
    """Describe a transposed convolution with filters of shape (in, out / groups, kernel...)."""
    windows = make_windows(tuple(weight.shape[2:]), stride, 0, dilation)
    macs = x.numel() * weight[0].numel()
    return steps.conv_step(x.shape, windows, last_axes(x, len(windows)), fields, transposed=True,
                           channels=x.shape[1], groups=groups, macs=macs)  # fmt: skip


def module_step(module: nn.Module, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    """Describe a module of torch.nn that maps one tensor to one."""
    for types, describe in _DESCRIBED:
        if isinstance(module, types):
            return describe(module, x, out, fields)
    kind = _words(type(module).__name__)
    bare = next(module.parameters(), None) is None
    if isinstance(module, PER_ELEMENT) or (bare and x.ndim == out.ndim):
        return Step(kind, fields)
    return Step(kind, None, note="multiplications not counted")


def make_windows(
    kernel: Sequence[int], stride: Sides | None, padding: Sides | str, dilation: Sides,
    ceil: bool = False,
) -> tuple[Window, ...]:  # fmt: skip
    """Return one window per side, from the options that torch takes."""
    rank = len(kernel)
    strides = spread(stride, rank) if stride else tuple(kernel)
    widths = spread(dilation, rank)
    if padding == "same":
        over = [width * (side - 1) for side, width in zip(kernel, widths, strict=True)]
        ends = [(total // 2, total - total // 2) for total in over]
    else:
        ends = [(p, p) for p in spread(0 if isinstance(padding, str) else padding, rank)]
    return tuple(
        Window(side, step, before, after, width, ceil)
        for side, step, (before, after), width in zip(kernel, strides, ends, widths, strict=True)
    )


def spread(value: Sides, rank: int) -> tuple[int, ...]:
    """Return one number per side."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(value) * (rank if len(value) == 1 else 1)


def last_axes(x: Tensor, rank: int) -> range:
    """Return the last axes of a tensor, where torch has the pixels."""
    return range(x.ndim - rank, x.ndim)


def check_fits(module: nn.Module, x: Tensor) -> None:
    """Refuse an input that a module cannot take, in the reader's terms.

    Raises:
        InputError: another number of channels or features, or fewer pixels than the window.
    """
    channels = features = None
    windows: tuple[Window, ...] = ()
    if isinstance(module, CONVS + TRANSPOSED):
        rank, channels = len(module.kernel_size), module.in_channels
        if x.ndim != rank + 2:
            raise InputError(f"expected channels and {rank} sides, got {x.ndim - 1} numbers")
    if isinstance(module, BATCH_NORMS):
        channels = module.num_features
    if isinstance(module, nn.Linear):
        features = module.in_features
    if isinstance(module, CONVS):
        windows = make_windows(module.kernel_size, module.stride, module.padding, module.dilation)
    if isinstance(module, POOLS):
        windows = _pool_windows(module)
    if channels is not None and x.shape[1] != channels:
        raise InputError(f"expected {channels} channels, got {x.shape[1]}")
    if features is not None and x.shape[-1] != features:
        raise InputError(f"expected {features} features, got {x.shape[-1]}")
    for window, axis in zip(windows, last_axes(x, len(windows)), strict=True):
        window.output(x.shape[axis])


def _pool_windows(module: nn.Module) -> tuple[Window, ...]:
    options: Any = module
    kernel = spread(options.kernel_size, int(type(module).__name__[-2]))
    dilation = getattr(module, "dilation", 1)
    return make_windows(kernel, options.stride, options.padding, dilation, options.ceil_mode)


def _conv(module: Any, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    options = {"stride": module.stride, "dilation": module.dilation, "groups": module.groups}
    if isinstance(module, TRANSPOSED):
        return transposed_step(x, module.weight, fields, **options)
    return conv_step(x, module.weight, out, fields, padding=module.padding, **options)


def _pool(module: nn.Module, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    name = type(module).__name__
    word = "max pool" if "Max" in name else "average pool"
    axes = last_axes(x, int(name[-2]))
    if isinstance(module, ADAPTIVE_POOLS):
        return steps.adaptive_step(word, x.shape, out.shape, axes, fields)
    return steps.pool_step(word, x.shape, _pool_windows(module), axes, fields)


def _linear(module: nn.Module, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    return steps.linear_step(x.shape, fields, out.numel() * x.shape[-1])


def _upsample(module: nn.Upsample, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    return steps.resize_step(module.mode, x.shape, out.shape, range(2, x.ndim), fields)


def _reshape(module: nn.Module, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    return steps.reshape_step(_words(type(module).__name__), x.shape, out.shape, fields)


def _shuffle(module: nn.Module, x: Tensor, out: Tensor, fields: Fields | None) -> Step:
    return Step(_words(type(module).__name__), None)


def _words(name: str) -> str:
    """Write BatchNorm2d as batch norm."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return re.sub(r"\dd$", "", words)


_Describe = Callable[[Any, Tensor, Tensor, Fields | None], Step]
_DESCRIBED: tuple[tuple[tuple[type[nn.Module], ...], _Describe], ...] = (
    (CONVS + TRANSPOSED, _conv),
    (POOLS + ADAPTIVE_POOLS, _pool),
    ((nn.Linear,), _linear),
    ((nn.Upsample,), _upsample),
    ((nn.Flatten, nn.Unflatten), _reshape),
    ((nn.PixelShuffle, nn.PixelUnshuffle), _shuffle),
)
