"""One small network in both formats, with samples for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from edgecnn.bundle.manifest import Format
from edgecnn.models.base import GlobalAveragePool
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

SHAPE = (24, 24, 3)


@pytest.fixture(scope="session")
def samples() -> NDArray[np.float32]:
    """(N, H, W, C): smooth pictures, so that activations are not noise."""
    rng = np.random.default_rng(5)
    coarse = rng.normal(size=(40, 6, 6, 3)).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(4, axis=1).repeat(4, axis=2))


@pytest.fixture(scope="session")
def float_model() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU6(),
        nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.ReLU6(),
        nn.Conv2d(16, 32, 1), nn.ReLU(),
        GlobalAveragePool(), nn.Linear(32, 10),
    ).eval()  # fmt: skip


@pytest.fixture(scope="session")
def models(float_model: nn.Module) -> dict[Format, bytes]:
    example = np.zeros((1, *SHAPE), np.float32)
    return {"onnx": to_onnx(float_model, example), "tflite": to_tflite(float_model, example)}
