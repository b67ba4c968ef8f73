"""Every registered network, on the meta device: no memory, no arithmetic."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import fx

from edgecnn import models
from edgecnn.errors import InputError
from edgecnn.models import create_backbone, find_architecture, list_backbones
from edgecnn.models.base import ConvNet
from edgecnn.models.efficientnet import SCALINGS, StochasticDepth, scale_repeats

PARAMETERS = {
    "alexnet": 61_100_840,
    "binary_convnet": 991_041,
    "densenet121": 7_978_856,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
    "five_stage": 3_917_386,
    "googlenet": 6_624_904,
    "lenet5": 61_706,
    "mnist_convnet": 28_938,
    "mobilefacenet": 1_416_680,
    "mobilenet_v2": 3_504_872,
    "overfeat_small": 1_130_186,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "vgg16": 138_357_544,
}
SMALL = ["binary_convnet", "five_stage", "lenet5", "mnist_convnet", "overfeat_small"]
DEFAULT_CLASSES = {"binary_convnet": 1} | dict.fromkeys(SMALL[1:], 10)

every_network = pytest.mark.parametrize("name", PARAMETERS)


@cache
def on_meta(name: str) -> ConvNet:
    with torch.device("meta"):
        network = create_backbone(name)
    assert isinstance(network, ConvNet)
    return network.eval()


def test_public_names_are_sorted_and_there() -> None:
    assert models.__all__ == sorted(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)


def test_the_table_has_every_network() -> None:
    assert list_backbones() == sorted(PARAMETERS)


@every_network
def test_parameters_are_as_published(name: str) -> None:
    assert sum(p.numel() for p in on_meta(name).parameters()) == PARAMETERS[name]


@every_network
def test_a_picture_of_the_published_size_becomes_logits(name: str) -> None:
    network = on_meta(name)
    features = network.forward_features(
        torch.empty(2, *find_architecture(name).input_shape, device="meta")
    )
    assert features.shape[1] == network.feature_channels
    assert network.forward_head(features).shape == (2, DEFAULT_CLASSES.get(name, 1000))


@every_network
def test_the_graph_can_be_traced(name: str) -> None:
    graph = fx.symbolic_trace(on_meta(name)).graph
    assert sum(node.op == "call_module" for node in graph.nodes) >= 5


@every_network
def test_classes_and_channels_can_be_chosen(name: str) -> None:
    _, height, width = find_architecture(name).input_shape
    with torch.device("meta"):
        network = create_backbone(name, num_classes=7, in_channels=2).eval()
        assert network(torch.empty(1, 2, height, width)).shape == (1, 7)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = create_backbone(name)
    network(torch.randn(2, *find_architecture(name).input_shape)).square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_dropout_can_be_chosen() -> None:
    network = create_backbone("five_stage", dropout=0.3)
    shares = [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)]
    assert shares == [0.3]


@pytest.mark.parametrize("size", [78, (96, 128)])
def test_the_binary_network_takes_other_sizes(size: int | tuple[int, int]) -> None:
    height, width = (size, size) if isinstance(size, int) else size
    network = create_backbone("binary_convnet", input_size=size, num_classes=5)
    assert network(torch.zeros(1, 3, height, width)).shape == (1, 5)


def test_the_binary_network_says_what_is_too_small() -> None:
    with pytest.raises(InputError, match="at least 78 pixels, got 77x90"):
        create_backbone("binary_convnet", input_size=(77, 90))


def test_lite_networks_repeat_first_and_last_stage_as_the_smallest_does() -> None:
    assert scale_repeats(SCALINGS["efficientnet_b4"]) == [2, 4, 4, 6, 6, 8, 2]
    assert scale_repeats(SCALINGS["efficientnet_lite4"]) == [1, 4, 4, 6, 6, 8, 1]


def test_stochastic_depth_drops_whole_pictures_in_training_only() -> None:
    torch.manual_seed(0)
    drop = StochasticDepth(0.25)
    pictures = drop(torch.ones(4000, 2, 1, 1)).flatten(1)
    assert pictures.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(pictures[:, 0], pictures[:, 1])
    assert float(pictures.mean()) == pytest.approx(1, abs=0.05)
    ones = torch.ones(3, 2, 1, 1)
    assert torch.equal(drop.eval()(ones), ones)


def test_later_blocks_are_dropped_more_often() -> None:
    with torch.device("meta"):
        network = create_backbone("efficientnet_b0", drop_path=0.32)
    rates = [m.probability for m in network.modules() if isinstance(m, StochasticDepth)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.32 * 14 / 16)


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean num_classes"):
        create_backbone("efficientnet_b0", num_class=3)
