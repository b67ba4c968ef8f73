"""Normalization inside the graph, so that the input is the pixels themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgecnn.bundle.manifest import InputSpec


class Baked(nn.Module):
    """Multiplies and adds before the network does anything.

    Folded into the first convolution instead, the mean would be wrong at the border, where the
    padding is zero after normalization and not before.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, spec: InputSpec) -> None:
        """Wrap a network.

        Args:
            network: takes (N, H, W, C) float32, normalized.
            spec: its mean and std, on the scale 0..255.
        """
        super().__init__()
        self.network = network
        scale = 1 / torch.tensor(spec.std, dtype=torch.float32)
        shift = -torch.tensor(spec.mean, dtype=torch.float32) * scale
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """Run on (N, H, W, C) uint8."""
        out: Tensor = self.network(x.float() * self.scale + self.shift)
        return out
