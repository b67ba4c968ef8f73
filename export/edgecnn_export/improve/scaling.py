"""Scales the channels between two layers, and the caps between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgecnn_export.improve.caps import CappedReLU, cap_of
from edgecnn_export.improve.graph import Layer
from edgecnn_export.improve.pairs import Pair, channels_in, channels_out


def layers_of(model: nn.Module, pair: Pair) -> tuple[Layer, Layer]:
    """Return the two layers of a pair."""
    first, second = model.get_submodule(pair.first), model.get_submodule(pair.second)
    assert isinstance(first, nn.Conv2d | nn.Linear) and isinstance(second, nn.Conv2d | nn.Linear)
    return first, second


def output_ranges(layer: Layer) -> Tensor:
    """Return the largest absolute weight of each channel that a layer makes."""
    return layer.weight.detach().abs().flatten(1).amax(1)


def input_ranges(layer: Layer, channels: int) -> Tensor:
    """Return the largest absolute weight that reads each of ``channels`` channels."""
    return _by_input(layer).abs().amax((1, 3)).view(channels, -1).amax(1)


def _by_input(layer: Layer) -> Tensor:
    """View weights as (groups, outputs of a group, inputs of a group, kernel)."""
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    outputs, inputs = channels_out(layer) // groups, channels_in(layer) // groups
    return layer.weight.detach().view(groups, outputs, inputs, -1)


def divide_channels(model: nn.Module, pair: Pair, scales: Tensor) -> None:
    """Divide the channels between two layers by ``scales`` (C,), and undo it in the second."""
    first, second = layers_of(model, pair)
    shape = (-1, *[1] * (first.weight.ndim - 1))
    first.weight.data = first.weight.data / scales.view(shape)
    if first.bias is not None:
        first.bias.data = first.bias.data / scales
    reads = scales.repeat_interleave(channels_in(second) // len(scales))
    view = _by_input(second)
    scaled = view * reads.view(view.shape[0], 1, view.shape[2], 1)
    second.weight.data = scaled.reshape(second.weight.shape).contiguous()
    if pair.cap is not None:
        caps = cap_of(model.get_submodule(pair.cap), len(scales))
        if caps is not None and not torch.equal(scales, torch.ones_like(scales)):
            model.set_submodule(pair.cap, CappedReLU(caps / scales))
