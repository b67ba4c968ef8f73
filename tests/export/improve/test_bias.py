from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn_export.improve.bias import correct_biases
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.graph import copy_float, list_layers, trace
from edgecnn_export.improve.simulate import round_weights

Make = Callable[[type[nn.Module]], nn.Module]


def rounded(model: nn.Module) -> nn.Module:
    """Return a copy with weights on the int8 grid."""
    copy = copy_float(model)
    for name in list_layers(trace(copy)):
        weight = copy.get_parameter(f"{name}.weight")
        weight.data = round_weights(weight.data)
    return copy


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU])
def test_mean_errors_of_the_outputs_go(
    make_small: Make, inputs: Tensor, activation: type[nn.Module]
) -> None:
    net = fold_norms(make_small(activation), inputs)
    wanted = net(inputs).mean(0)
    before = (rounded(net)(inputs).mean(0) - wanted).abs().max()
    corrected = correct_biases(net, inputs, activations=False)
    after = (rounded(corrected.model)(inputs).mean(0) - wanted).abs().max()
    assert after < before / 20


def test_only_biases_change_and_every_layer_is_told(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    corrected = correct_biases(net, inputs)
    assert tuple(s.layer for s in corrected.shifts) == list_layers(trace(net))
    assert all(0 < s.shift < 0.1 for s in corrected.shifts)
    for name, value in net.named_parameters():
        same = torch.equal(value, corrected.model.get_parameter(name))
        assert same == name.endswith("weight")


def test_a_layer_without_bias_gets_one(inputs: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 2, 1, bias=False))
    corrected = correct_biases(net, inputs).model
    assert corrected.get_parameter("0.bias").shape == (4,)


def test_nothing_to_correct_is_refused(inputs: Tensor) -> None:
    with pytest.raises(InputError, match="expected a network with convolutions"):
        correct_biases(nn.Sequential(nn.ReLU()), inputs)
