from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.graph import list_layers, trace
from edgecnn_export.improve.rescale import rescale
from edgecnn_export.improve.sensitivity import measure_sensitivity
from edgecnn_export.improve.simulate import round_tensor, round_weights

Make = Callable[[type[nn.Module]], nn.Module]


def test_every_layer_is_measured_worst_first(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.SiLU), inputs)
    rows = measure_sensitivity(net, inputs)
    assert sorted(row.layer for row in rows) == sorted(list_layers(trace(net)))
    decibels = [row.sqnr_db for row in rows]
    assert decibels == sorted(decibels) and 20 < decibels[0] < decibels[-1] < 80


def test_a_spoilt_layer_comes_first(make_small: Make, inputs: Tensor) -> None:
    copy = rescale(fold_norms(make_small(nn.ReLU6), inputs), inputs)
    worst, second, *_ = measure_sensitivity(copy, inputs)
    assert worst.layer == "project.1.0"
    assert worst.sqnr_db < second.sqnr_db - 10


def test_chunks_add_up(inputs: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 1)).eval()
    (row,) = measure_sensitivity(net, inputs)
    with torch.inference_mode():
        wanted = net(inputs)
        net[0].weight.data = round_weights(net[0].weight)  # type: ignore[arg-type]
        noise = net(round_tensor(inputs, (float(inputs.min()), float(inputs.max())))) - wanted
    expected = 10 * math.log10(float(wanted.square().sum() / noise.square().sum()))
    assert row.sqnr_db == pytest.approx(expected, abs=0.01)


def test_a_layer_called_twice_is_refused(inputs: Tensor) -> None:
    conv = nn.Conv2d(3, 3, 1)
    with pytest.raises(InputError, match="0 runs more often"):
        measure_sensitivity(nn.Sequential(conv, conv), inputs)


def test_a_sum_in_place_spoils_nothing(make_small: Make, inputs: Tensor) -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            out = self.one(x)
            out += x
            return self.two(out).relu_()  # type: ignore[no-any-return]

    torch.manual_seed(0)
    assert all(row.sqnr_db > 30 for row in measure_sensitivity(InPlace(), inputs))


@pytest.mark.parametrize("span", [(0.0, 6.0), (-1.0, 3.0), (0.5, 2.0), (-2.0, -0.5)])
def test_rounding_keeps_zero_and_stays_within_half_a_step(span: tuple[float, float]) -> None:
    x = torch.linspace(min(span[0], 0), max(span[1], 0), 101)
    step = (max(span[1], 0.0) - min(span[0], 0.0)) / 255
    assert float(round_tensor(torch.zeros(1), span)) == 0
    assert float((round_tensor(x, span) - x).abs().max()) <= step * 1.01
