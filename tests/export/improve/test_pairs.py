from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.models import create_backbone
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.pairs import Pair, find_pairs, summarize

Make = Callable[[type[nn.Module]], nn.Module]


def test_pairs_of_a_relu_network(make_small: Make, inputs: Tensor) -> None:
    found = find_pairs(fold_norms(make_small(nn.ReLU), inputs))
    assert found.pairs == (
        Pair("body.0.0", "body.1.0"),
        Pair("body.1.0", "body.2.0"),
        Pair("project.0.0", "project.1.0"),
        Pair("project.1.0", "classifier.1"),
    )
    reasons = {r.first: r.reason for r in found.refused}
    assert reasons == {
        "stem.0": "its output is shared, as by a shortcut",
        "body.2.0": "its output goes into a sum",
        "classifier.1": "it makes the network's output",
    }


def test_silu_is_refused_with_its_reason(make_small: Make, inputs: Tensor) -> None:
    found = find_pairs(fold_norms(make_small(nn.SiLU), inputs))
    assert found.pairs == (Pair("project.0.0", "project.1.0"),)
    assert summarize(found.refused).startswith("4 x SiLU is not positively homogeneous; ")


def test_relu6_is_named_as_a_cap(make_small: Make, inputs: Tensor) -> None:
    found = find_pairs(fold_norms(make_small(nn.ReLU6), inputs))
    assert found.pairs[0] == Pair("body.0.0", "body.1.0", "body.0.2")


def test_an_unfolded_norm_is_refused(make_small: Make) -> None:
    found = find_pairs(make_small(nn.ReLU))
    assert {r.reason for r in found.refused if r.first == "stem.0"} == {
        "BatchNorm2d is not positively homogeneous"
    }


@pytest.mark.parametrize("step", [nn.Tanh, nn.Sigmoid, nn.Hardswish])
def test_other_activations_are_refused(step: type[nn.Module]) -> None:
    found = find_pairs(nn.Sequential(nn.Conv2d(3, 4, 1), step(), nn.Conv2d(4, 4, 1)))
    assert found.refused[0].reason == f"{step.__name__} is not positively homogeneous"


def test_a_shared_layer_is_refused() -> None:
    conv = nn.Conv2d(4, 4, 1)
    found = find_pairs(nn.Sequential(conv, nn.ReLU(), conv))
    assert found.refused[0].reason == "one of its two layers is used more than once"


def test_a_concatenation_is_refused() -> None:
    class Joins(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 1), nn.Conv2d(7, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.two(torch.cat((self.one(x), x), 1))
            return out

    assert find_pairs(Joins()).refused[0].reason == "its output goes into a concatenation"


def test_squeeze_and_excitation_is_refused() -> None:
    found = find_pairs(create_backbone("efficientnet_b0", num_classes=2).eval())
    reasons = {r.first: r.reason for r in found.refused}
    assert reasons["features.stage1.0.body.excite.expand"].startswith("Sigmoid is not")
    assert reasons["features.stage1.0.body.excite.reduce"].startswith("SiLU is not")


def test_channels_pass_poolings_and_flattening() -> None:
    found = find_pairs(create_backbone("mnist_convnet").eval())
    assert found.pairs == (Pair("features.0", "features.3"), Pair("features.3", "classifier"))
