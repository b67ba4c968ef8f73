"""Feature maps of several strides out of any registered backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError

_SIDE = 256
"""Pixels of the picture that the strides are found with."""


@dataclass(frozen=True)
class Tap:
    """Where a feature map is taken."""

    child: str
    """Of the features; its output is the map."""
    stride: int
    channels: int


def find_taps(features: nn.Module, strides: Sequence[int], in_channels: int) -> tuple[Tap, ...]:
    """Return, for each stride, the last child of the features that has it.

    Args:
        features: of a `ConvNet`; its children run one after another.
        strides: pixels of the picture per cell, rising.
        in_channels: channels of the picture.

    Raises:
        InputError: the features are no chain, or never have such a stride.
    """
    if not isinstance(features, nn.Sequential):
        raise InputError("expected features that are a chain of stages (nn.Sequential)")
    found: dict[int, Tap] = {}
    for name, shape in _shapes(features, in_channels):
        if len(shape) == 4 and shape[2] and _SIDE % shape[2] == 0:
            stride = _SIDE // shape[2]
            found[stride] = Tap(name, stride, shape[1])
    missing = [s for s in strides if s not in found]
    if missing:
        known = ", ".join(map(str, found))
        raise InputError(f"no feature map of stride {missing[0]}: the network has {known}")
    return tuple(found[s] for s in strides)


def _shapes(features: nn.Sequential, in_channels: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return the output shape of each child, without computing anything."""
    from copy import deepcopy

    children = deepcopy(features).to("meta").eval()
    x = torch.empty(1, in_channels, _SIDE, _SIDE, device="meta")
    shapes = []
    with torch.no_grad():
        for name, child in children.named_children():
            try:
                x = child(x)
            except RuntimeError as error:
                raise InputError(f"the features do not take a picture: {error}") from error
            shapes.append((name, tuple(x.shape)))
    return shapes


def run_taps(features: nn.Module, taps: Sequence[Tap], x: Tensor) -> list[Tensor]:
    """Run the features and return the maps of the taps, the finest first."""
    wanted = {tap.child for tap in taps}
    maps = []
    for name, child in cast(nn.Sequential, features).named_children():
        x = child(x)
        if name in wanted:
            maps.append(x)
        if len(maps) == len(wanted):
            break
    return maps
