"""ReLU6 with a cap of its own for every channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CappedReLU(nn.Module):
    """min(max(x, 0), cap), channel by channel: what ReLU6 becomes where channels are scaled.

    It quantizes worse than ReLU6. An int8 convolution clamps a whole tensor to one range, so both
    formats keep a minimum of its own after it (Min, MINIMUM), in float between two int8 tensors,
    and the tensor before it spends its 256 steps on values that the caps then cut.
    """

    cap: Tensor
    """(C,)"""

    def __init__(self, cap: Tensor) -> None:
        super().__init__()
        self.register_buffer("cap", cap.clone().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, ...) to the same shape."""
        shape = (1, -1, *[1] * (x.ndim - 2))
        return torch.minimum(torch.relu(x), self.cap.view(shape))


def cap_of(module: nn.Module, channels: int) -> Tensor | None:
    """Return the caps (channels,) of a rectifier that has any."""
    if isinstance(module, CappedReLU):
        return module.cap
    if isinstance(module, nn.ReLU6):
        return torch.full((channels,), 6.0)
    return None
