"""One layer of a network as shapes, cost and receptive field, in no framework's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgecnn.vision.arithmetic import Window
from edgecnn.vision.receptive import Fields, join

Shape = Sequence[int]
"""With the batch axis."""


@dataclass(frozen=True)
class Step:
    """What one layer is."""

    kind: str
    """Such as ``depthwise conv2d 3x3 stride 2``."""
    fields: Fields | None
    """Of its output; None where they cannot be told."""
    macs: int = 0
    """Multiplications."""
    note: str = ""


def conv_step(
    shape: Shape, windows: Sequence[Window], axes: Sequence[int], fields: Fields | None, *,
    channels: int, groups: int, macs: int, transposed: bool = False,
) -> Step:  # fmt: skip
    """Describe a convolution.

    Args:
        shape: of its input.
        windows: one per spatial axis.
        axes: the spatial axes.
        fields: of its input.
        channels: of its input.
        groups: that the channels are split into.
        macs: its multiplications.
        transposed: whether it is a transposed one.
    """
    kind = conv_kind(windows, channels, groups, transposed)
    along = dict(zip(axes, windows, strict=True))
    if transposed:
        return Step(kind, fields and fields.spread(along), macs)
    note = stride_note(windows, [shape[axis] for axis in axes])
    return Step(kind, fields and fields.slide(along), macs, note)


def pool_step(
    word: str, shape: Shape, windows: Sequence[Window], axes: Sequence[int], fields: Fields | None
) -> Step:
    """Describe a pooling: no parameters, channels unchanged."""
    seen = fields and fields.slide(dict(zip(axes, windows, strict=True)))
    note = stride_note(windows, [shape[axis] for axis in axes])
    return Step(f"{word} {window_text(windows)}", seen, note=note)


def adaptive_step(
    word: str, shape: Shape, out: Shape, axes: Sequence[int], fields: Fields | None
) -> Step:
    """Describe a pooling to a given size; to size 1 it is global."""
    for axis in axes:
        n, k = shape[axis], out[axis]
        if fields is not None and k == 1:
            fields = fields.collapse([axis], shape)
        elif fields is not None:
            seen = max(-(-(i + 1) * n // k) - i * n // k for i in range(k))
            fields = fields.rescale(axis, n, k, seen)
    sides = [out[axis] for axis in axes]
    if all(side == 1 for side in sides):
        return Step(f"global {word}", fields)
    return Step(f"adaptive {word} to {by_sides(sides)}", fields)


def reduce_step(
    word: str, shape: Shape, gone: Sequence[int], spatial: Sequence[int], keep: bool,
    fields: Fields | None,
) -> Step:  # fmt: skip
    """Describe a mean, sum or maximum over whole axes.

    Args:
        word: mean, max or the like.
        shape: of its input.
        gone: the axes, not negative.
        spatial: the axes that are pixels.
        keep: whether they stay with length 1.
        fields: of its input.
    """
    axes = sorted(gone)
    pool = {"mean": "average pool", "max": "max pool"}.get(word, word)
    over = f"{word} over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
    kind = f"global {pool}" if axes and axes == sorted(spatial) else over
    if fields is not None:
        fields = fields.collapse(axes, shape)
        if not keep:
            fields = fields.permute([axis for axis in range(len(shape)) if axis not in axes])
    return Step(kind, fields)


def linear_step(shape: Shape, fields: Fields | None, macs: int) -> Step:
    """Describe a linear layer, which sees the whole of the last axis."""
    return Step("linear", fields and fields.collapse([len(shape) - 1], shape), macs)


def reshape_step(kind: str, shape: Shape, out: Shape, fields: Fields | None) -> Step:
    """Describe another shape of the same elements."""
    same = prod(shape) == prod(out)
    return Step(kind, fields.reshape(shape, out) if fields is not None and same else None)


def resize_step(
    mode: str, shape: Shape, out: Shape, axes: Sequence[int], fields: Fields | None
) -> Step:
    """Describe an enlargement or reduction by interpolation."""
    seen = 1 if "nearest" in mode else 4 if "cubic" in mode else 2
    for axis in axes:
        if fields is not None and shape[axis] != out[axis]:
            fields = fields.rescale(axis, shape[axis], out[axis], seen)
    return Step(f"resize {mode}", fields)


def element_step(
    kind: str, shape: Shape, out: Shape, parts: Sequence[Fields | None]
) -> Step:  # fmt: skip
    """Describe what acts on one element of each part, or lays parts side by side."""
    known = [part for part in parts if part is not None]
    alone = len(known) == 1 and tuple(shape) != tuple(out)
    if not known or len(known) < len(parts) or alone:
        return Step(kind, None)
    if max(len(part.axes) for part in known) != len(out):
        return Step(kind, None)
    return Step(kind, join(known, len(out)))


def conv_kind(
    windows: Sequence[Window], in_channels: int, groups: int, transposed: bool = False
) -> str:
    """Name a convolution.

    Depthwise: each channel has filters of its own. Pointwise: the filter is one pixel of all
    channels. Howard et al., "MobileNets", 2017, arXiv:1704.04861, section 3.1.
    """
    base = f"transposed conv{len(windows)}d" if transposed else f"conv{len(windows)}d"
    if groups > 1 and groups == in_channels:
        base = f"depthwise {base}"
    elif all(window.kernel == 1 for window in windows):
        base = f"pointwise {base}"
    if 1 < groups < in_channels:
        base += f", {groups} groups,"
    return f"{base} {window_text(windows)}"


def window_text(windows: Sequence[Window]) -> str:
    """Write kernel, stride and dilation, such as ``3x3 stride 2``."""
    text = by_sides([window.kernel for window in windows])
    if any(window.stride > 1 for window in windows):
        text += f" stride {_short([window.stride for window in windows])}"
    if any(window.dilation > 1 for window in windows):
        text += f" dilation {_short([window.dilation for window in windows])}"
    return text


def by_sides(sizes: Sequence[int]) -> str:
    """Write sizes as 3x3."""
    return "x".join(str(size) for size in sizes)


def stride_note(windows: Sequence[Window], sizes: Sequence[int]) -> str:
    """Say what the strides leave over of an input of these sizes; empty where all tile."""
    notes = [_stride_note(window, size) for window, size in zip(windows, sizes, strict=True)]
    if len(set(notes)) == 1:
        return notes[0]
    names = ("depth", "height", "width")[-len(windows) :]
    return "; ".join(f"{name}: {note}" for name, note in zip(names, notes, strict=True) if note)


def _stride_note(window: Window, size: int) -> str:
    left = window.leftover(size)
    if window.reach < window.stride:
        return f"stride {window.stride} reads {window.output(size) * window.reach} of {size}"
    if left.pixels:
        return f"stride {window.stride} does not tile: {left.pixels} of {size} left over"
    if left.padding:
        return f"stride {window.stride} leaves {left.padding} of padding unused"
    return ""


def _short(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else by_sides(numbers)
