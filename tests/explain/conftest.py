"""A network that has learned a known clue: a square at a random place, plain or striped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool

SIDE, PATCH = 48, 12


@dataclass(frozen=True)
class Planted:
    """Noise with one square each."""

    x: Tensor
    """(N, 1, 48, 48)."""
    labels: Tensor
    """0: plain, 1: striped, of the same mean."""
    masks: NDArray[np.bool_]
    """(N, 48, 48): where the square is."""


def plant(count: int, seed: int) -> Planted:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, (count, 1, SIDE, SIDE)).astype(np.float32)
    labels = rng.integers(0, 2, count)
    masks = np.zeros((count, SIDE, SIDE), np.bool_)
    stripes = np.zeros((PATCH, PATCH), np.float32)
    stripes[:, ::2] = 2.0
    for index, label in enumerate(labels):
        top, left = rng.integers(0, SIDE - PATCH + 1, 2)
        place = (slice(top, top + PATCH), slice(left, left + PATCH))
        x[index, 0][place] += stripes if label else 1.0
        masks[index][place] = True
    return Planted(torch.from_numpy(x), torch.from_numpy(labels), masks)


class TinyNet(ConvNet):
    """Three convolutions; a quarter of the picture's size at the end."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16),
            nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(inplace=True),
        )  # fmt: skip
        self.feature_channels = 16
        self.pool = GlobalAveragePool()
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(16, outputs))


def train_tiny(outputs: int) -> TinyNet:
    """Train on planted squares, with one sigmoid or two classes."""
    torch.manual_seed(0)
    model = TinyNet(outputs)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(80):
        batch = plant(32, 1000 + step)
        logits = model(batch.x)
        if outputs == 1:
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits[:, 0], batch.labels.float()
            )
        else:
            loss = nn.functional.cross_entropy(logits, batch.labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="session")
def held_out() -> Planted:
    return plant(20, 7)


@pytest.fixture(scope="session", params=[2, 1], ids=["softmax", "sigmoid"])
def trained(request: pytest.FixtureRequest) -> TinyNet:
    return train_tiny(request.param)
