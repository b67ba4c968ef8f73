"""Small networks, and pictures for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import Add, conv_norm


class Small(ConvNet):
    """A stem, a depthwise block with a shortcut, and a linear layer."""

    def __init__(self, activation: type[nn.Module]) -> None:
        super().__init__()
        self.stem = conv_norm(3, 8, 3, 2, activation=activation)
        self.body = nn.Sequential(
            conv_norm(8, 16, 1, activation=activation),
            conv_norm(16, 16, 3, groups=16, activation=activation),
            conv_norm(16, 8, 1, activation=None),
        )
        self.add = Add()
        self.project = nn.Sequential(
            conv_norm(8, 12, 1, activation=None), conv_norm(12, 16, 3, activation=activation)
        )
        self.pool = GlobalAveragePool()
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(16, 5))
        self.feature_channels = 16

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        out: Tensor = self.project(self.add(self.body(x), x))
        return out


def settle(model: nn.Module) -> nn.Module:
    """Give batch normalizations and biases values as a trained network has."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.2, 2.0)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 1.0)
    return model.eval()


@pytest.fixture
def make_small() -> Callable[[type[nn.Module]], nn.Module]:
    def make(activation: type[nn.Module]) -> nn.Module:
        torch.manual_seed(0)
        return settle(Small(activation))

    return make


@pytest.fixture(scope="session")
def inputs() -> Tensor:
    """(8, 3, 16, 16)."""
    return torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))
