from __future__ import annotations

import pytest
import torch
from torch import nn

from edgecnn.models.layers import (
    Stride,
    conv_norm,
    initialize,
    initialize_plain,
    make_divisible,
    pad_as_tensorflow,
)


@pytest.mark.parametrize(
    ("value", "rounded"), [(32, 32), (24 * 0.35, 8), (96 * 0.75, 72), (19, 24)]
)
def test_channels_are_rounded_to_eight_and_never_far_down(value: float, rounded: int) -> None:
    assert make_divisible(value) == rounded


@pytest.mark.parametrize(
    ("kernel", "stride", "left_right_top_bottom"),
    [(3, (2, 2), (0, 1, 0, 1)), (3, (2, 1), (1, 1, 0, 1)), (5, (2, 2), (1, 2, 1, 2))],
)
def test_the_odd_zero_goes_right_and_bottom(
    kernel: int, stride: Stride, left_right_top_bottom: tuple[int, int, int, int]
) -> None:
    assert pad_as_tensorflow(kernel, stride).padding == left_right_top_bottom


@pytest.mark.parametrize("same_padding", [False, True])
def test_padding_changes_no_names_and_no_sizes(same_padding: bool) -> None:
    block = conv_norm(3, 8, 3, (2, 1), same_padding=same_padding)
    assert [name for name, _ in block.named_parameters()] == ["0.weight", "1.weight", "1.bias"]
    assert block(torch.zeros(1, 3, 8, 8)).shape == (1, 8, 4, 8)


@pytest.mark.parametrize("fill", [initialize, initialize_plain])
def test_biases_start_at_zero(fill: object) -> None:
    assert callable(fill)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2)).apply(fill)
    biases = [p for name, p in network.named_parameters() if name.endswith("bias")]
    assert len(biases) == 2
    assert not any(bias.any() for bias in biases)


def test_plain_weights_keep_the_size_of_the_signal() -> None:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(8)]
    network = nn.Sequential(*layers).apply(initialize_plain)
    x = torch.randn(64, 256)
    with torch.inference_mode():
        ratio = float(network(x).square().mean() / x.square().mean())
    assert 0.5 < ratio < 2
