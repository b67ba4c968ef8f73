"""A network of someone else, as ``module:function`` names one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Two(nn.Module):
    """Gives two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.left, self.right = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(x)
        return self.left(x), self.right(x).sigmoid()


def labels() -> nn.Module:
    """A classifier of four labels for pictures of 32 px."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip


def vector() -> nn.Module:
    """An embedder of 16 numbers."""
    return nn.Sequential(*list(labels())[:-1])  # type: ignore[call-overload]


def two() -> nn.Module:
    """A network of two outputs."""
    torch.manual_seed(4)
    return Two()
