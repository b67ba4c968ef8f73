from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.errors import EdgecnnError, InputError
from edgecnn.models import create_backbone
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.graph import list_layers, require_same, trace

Make = Callable[[type[nn.Module]], nn.Module]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.SiLU])
def test_folding_removes_every_norm_and_keeps_names(
    make_small: Make, inputs: Tensor, activation: type[nn.Module]
) -> None:
    model = make_small(activation)
    names = list_layers(trace(model))
    folded = fold_norms(model, inputs)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert list_layers(trace(folded)) == names
    assert all(p.is_contiguous() for p in folded.parameters())
    torch.testing.assert_close(folded(inputs), model(inputs), rtol=1e-4, atol=1e-4)


def test_folding_leaves_the_model_alone(make_small: Make, inputs: Tensor) -> None:
    model = make_small(nn.ReLU)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fold_norms(model, inputs)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert isinstance(model.get_submodule("stem.1"), nn.BatchNorm2d)


def test_a_norm_before_its_convolution_stays(inputs: Tensor) -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 1)).eval()
    folded = fold_norms(model, inputs)
    assert isinstance(folded.get_submodule("0"), nn.BatchNorm2d)


def test_norms_of_a_shared_convolution_stay(inputs: Tensor) -> None:
    conv = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(conv, nn.BatchNorm2d(3), conv, nn.BatchNorm2d(3)).eval()
    folded = fold_norms(model, inputs)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules()) == 2


@pytest.mark.parametrize("name", ["efficientnet_b0", "resnet18"])
def test_published_networks_fold(name: str) -> None:
    torch.manual_seed(0)
    model = create_backbone(name, num_classes=3).eval()
    folded = fold_norms(model, torch.randn(1, 3, 32, 32))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())


def test_a_network_that_branches_on_data_is_refused(inputs: Tensor) -> None:
    class Branches(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(InputError, match=r"Branches cannot be traced by torch\.fx"):
        fold_norms(Branches(), inputs)


def test_a_changed_network_is_noticed(make_small: Make, inputs: Tensor) -> None:
    with pytest.raises(EdgecnnError, match="this should leave the outputs"):
        require_same(make_small(nn.ReLU), make_small(nn.SiLU), inputs, "this")


class TwoOutputs(nn.Module):
    """As a network of landmarks has: a map, and what is told of it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found: Tensor = self.body(x)
        return found, found.mean(1, keepdim=True)


def test_a_network_of_two_outputs_is_folded(make_small: Make, inputs: Tensor) -> None:
    model = TwoOutputs(make_small(nn.ReLU)).eval()
    folded = fold_norms(model, inputs)
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert require_same(model, folded, inputs, "folding") < 1e-4
