from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models import create_backbone
from edgecnn_export.improve.bias import correct_biases
from edgecnn_export.improve.caps import CappedReLU
from edgecnn_export.improve.equalize import Caps, Ranges, equalize
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.pairs import find_pairs
from edgecnn_export.improve.rescale import rescale
from edgecnn_export.improve.scaling import input_ranges, layers_of, output_ranges

Make = Callable[[type[nn.Module]], nn.Module]


def test_ranges_meet_and_outputs_stay(make_small: Make, inputs: Tensor) -> None:
    net = rescale(fold_norms(make_small(nn.ReLU), inputs), inputs)
    done = equalize(net, inputs)
    assert len(done.report.pairs) == 4 and done.report.difference <= 1e-4
    for pair in done.report.pairs:
        first, second = layers_of(done.model, pair)
        made = output_ranges(first)
        torch.testing.assert_close(made, input_ranges(second, len(made)), rtol=5e-3, atol=1e-6)
    assert all(p.is_contiguous() for p in done.model.parameters())
    torch.testing.assert_close(done.model(inputs), net(inputs), rtol=1e-3, atol=1e-3)


def test_a_rescaled_copy_comes_out_as_the_original(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU), inputs)
    wanted = equalize(net, inputs).model
    found = equalize(rescale(net, inputs, seed=3), inputs).model
    for name, value in wanted.named_parameters():
        torch.testing.assert_close(found.get_parameter(name), value, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize(("caps", "pairs"), [("refuse", 1), ("keep", 4)])
def test_relu6_is_refused_or_gets_caps_per_channel(
    make_small: Make, inputs: Tensor, caps: Caps, pairs: int
) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs * 8)
    done = equalize(net, inputs * 8, caps=caps)
    assert len(done.report.pairs) == pairs
    capped = any(isinstance(m, CappedReLU) for m in done.model.modules())
    assert capped == (caps == "keep")
    refused = [r for r in done.report.refused if r.reason == "ReLU6 needs per-channel caps"]
    assert len(refused) == (3 if caps == "refuse" else 0)


@pytest.mark.parametrize("ranges", ["weights", "activations"])
def test_caps_per_channel_are_scaled_again(
    make_small: Make, inputs: Tensor, ranges: Ranges
) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs * 8)
    copy = rescale(net, inputs * 8, through_caps=True)
    done = equalize(copy, inputs * 8, ranges=ranges, caps="keep")
    assert len(done.report.pairs) == 4 and done.report.difference <= 1e-4
    assert len(correct_biases(done.model, inputs).shifts) == 7


def test_a_cap_goes_only_where_the_data_stay_below(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    below = equalize(net, inputs * 1e-2, caps="drop")
    assert len(below.report.pairs) == 4 and type(below.model.get_submodule("body.0.2")) is nn.ReLU
    reached = equalize(net, inputs * 100, caps="drop")
    assert len(reached.report.pairs) == 1
    assert isinstance(reached.model.get_submodule("body.0.2"), nn.ReLU6)
    assert any(r.reason == "its cap is reached by the data" for r in reached.report.refused)


def test_nothing_to_equalize_says_why(inputs: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU(), nn.Conv2d(4, 4, 1)).eval()
    with pytest.raises(InputError, match=r"no pair of layers: 1 x SiLU is not positively") as error:
        equalize(net, inputs)
    assert "\n" not in str(error.value)


def test_dead_channels_stay_as_they_are(inputs: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)).eval()
    net[0].weight.data[1] = 0  # type: ignore[operator]
    done = equalize(net, inputs).model
    assert all(bool(p.isfinite().all()) for p in done.parameters())
    assert not done.get_parameter("0.weight")[1].any()


def test_flattened_channels_are_scaled_in_blocks() -> None:
    torch.manual_seed(0)
    net, x = create_backbone("mnist_convnet").eval(), torch.randn(4, 1, 28, 28)
    assert find_pairs(net).pairs[1].second == "classifier"
    assert equalize(rescale(net, x), x).report.difference <= 1e-4


def test_grouped_convolutions_keep_the_outputs(inputs: Tensor) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, groups=4)).eval()
    assert equalize(rescale(net, inputs), inputs).report.difference <= 1e-4


def test_values_of_a_rescaled_copy_come_out_even(make_small: Make, inputs: Tensor) -> None:
    net = rescale(fold_norms(make_small(nn.ReLU), inputs), inputs)
    done = equalize(net, inputs, ranges="activations")
    assert done.report.difference <= 1e-4
    read: list[Tensor] = []
    depthwise = done.model.get_submodule("body.1.0")
    depthwise.register_forward_pre_hook(lambda module, args: read.append(args[0]))
    done.model(inputs)
    peaks = read[0].amax((0, 2, 3))
    peaks = peaks[peaks > 0]
    assert len(peaks) > 8
    torch.testing.assert_close(peaks, torch.ones_like(peaks), rtol=1e-2, atol=1e-2)
