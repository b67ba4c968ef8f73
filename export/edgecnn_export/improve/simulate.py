"""Rounds as int8 does, in float: weights per channel, activations per tensor."""

from __future__ import annotations

from torch import Tensor

from edgecnn_export.improve.graph import Layer

Range = tuple[float, float]
"""Smallest and largest value of a tensor."""


def round_weights(weight: Tensor) -> Tensor:
    """Round weights (out, ...) to -127..127 steps of each output's own size, zero at zero."""
    flat = weight.flatten(1)
    step = flat.abs().amax(1, keepdim=True).clamp_min(1e-30) / 127
    return ((flat / step).round().clamp(-127, 127) * step).view_as(weight)


def round_tensor(x: Tensor, span: Range) -> Tensor:
    """Round activations to 256 steps over a range, widened to hold zero exactly."""
    low, high = min(span[0], 0.0), max(span[1], 0.0)
    step = max(high - low, 1e-12) / 255
    zero = round(-low / step)
    return ((x / step).round().add(zero).clamp(0, 255) - zero) * step


def run_rounded(layer: Layer, x: Tensor) -> Tensor:
    """Run a layer with rounded weights."""
    weight = layer.weight.data
    layer.weight.data = round_weights(weight)
    try:
        out: Tensor = layer(x)
    finally:
        layer.weight.data = weight
    return out
