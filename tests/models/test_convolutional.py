"""A convolutional copy says of every window what the classifier says of it alone."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.models import create_backbone, find_architecture
from edgecnn.models.base import ConvNet
from edgecnn.models.convolutional import Convolutional
from edgecnn.models.inspect import inspect_module

STRIDES = {"lenet5": (4, 4), "overfeat_small": (8, 8), "binary_convnet": (16, 16)}


def _build(name: str, **options: object) -> tuple[ConvNet, Convolutional]:
    torch.manual_seed(0)
    network = cast(ConvNet, create_backbone(name, **options).eval())
    return network, Convolutional(network, find_architecture(name).input_shape)


@torch.inference_mode()
@pytest.mark.parametrize("name", STRIDES)
def test_an_unpadded_network_slides_without_a_seam(name: str) -> None:
    network, slid = _build(name)
    channels, height, width = find_architecture(name).input_shape
    down, across = slid.stride
    assert (slid.window, slid.stride) == ((height, width), STRIDES[name])
    x = torch.randn(2, channels, height + 2 * down + 1, width + 3 * across)
    found = slid(x)
    assert found.shape[2:] == (3, 4)
    for row in range(3):
        for column in range(4):
            top, left = row * down, column * across
            wanted = network(x[:, :, top : top + height, left : left + width])
            assert torch.allclose(found[:, :, row, column], wanted, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("name", "options"),
    [("mobilenet_v2", {"width": 0.35}), ("mobilenet_v2", {"width": 0.35, "same_padding": True}),
     ("five_stage", {}), ("mnist_convnet", {}), ("resnet18", {})],
)  # fmt: skip
def test_one_window_is_classified_as_before(name: str, options: dict[str, object]) -> None:
    network, slid = _build(name, **options)
    x = torch.randn(2, *find_architecture(name).input_shape)
    found, wanted = slid(x), network(x)
    assert found.shape == (*wanted.shape, 1, 1)
    assert torch.allclose(found.flatten(1), wanted, atol=1e-4 * max(1, float(wanted.abs().max())))


@pytest.mark.parametrize("name", ["lenet5", "overfeat_small"])
def test_an_unpadded_window_is_the_receptive_field(name: str) -> None:
    _, slid = _build(name)
    channels, height, width = find_architecture(name).input_shape
    table = inspect_module(slid, (channels, height + 40, width + 40), name)
    assert table.receptive_field == slid.window


def test_parameters_are_shared_and_contiguous() -> None:
    network, slid = _build("overfeat_small")
    assert [p.data_ptr() for p in slid.parameters()] == [p.data_ptr() for p in network.parameters()]
    assert all(p.is_contiguous() for p in slid.parameters())


def test_weights_of_another_layout_are_made_contiguous() -> None:
    torch.manual_seed(0)
    network = cast(ConvNet, create_backbone("lenet5").eval())
    first = cast(nn.Linear, cast(nn.Sequential, network.classifier)[0])
    first.weight.data = first.weight.data.t().contiguous().t()
    slid = Convolutional(network, (1, 32, 32))
    x = torch.randn(1, 1, 32, 32)
    assert all(p.is_contiguous() for p in slid.parameters())
    assert torch.allclose(slid(x).flatten(1), network(x), atol=1e-5)


def test_dropout_is_gone() -> None:
    _, slid = _build("overfeat_small")
    assert not slid.training
    assert not any(isinstance(m, nn.Dropout) for m in slid.modules())


def test_adaptive_pooling_stays_where_it_does_nothing() -> None:
    with torch.device("meta"):
        network = cast(ConvNet, create_backbone("alexnet"))
        slid = Convolutional(network, (3, 224, 224))
        assert slid(torch.empty(1, 3, 256, 288)).shape == (1, 1000, 2, 3)
        with pytest.raises(InputError, match="adaptive pooling to"):
            Convolutional(network, (3, 288, 288))


def test_a_classifier_of_other_layers_is_refused() -> None:
    network, _ = _build("lenet5")
    network.classifier = nn.Sequential(nn.Linear(400, 10), nn.BatchNorm1d(10))
    with pytest.raises(InputError, match="BatchNorm1d"):
        Convolutional(network, (1, 32, 32))
