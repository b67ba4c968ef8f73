"""The layer table against published costs, against torch's own count, and against the papers."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from edgecnn.errors import InputError
from edgecnn.models import create_backbone, list_backbones
from edgecnn.models.inspect import inspect_architecture, inspect_module
from edgecnn.models.registry import find_architecture
from edgecnn.vision.layer_table import Inspection

inspected = cache(inspect_architecture)


@pytest.mark.parametrize("name", list_backbones())
def test_rows_add_up_to_the_network(name: str) -> None:
    with torch.device("meta"):
        model = create_backbone(name)
    assert inspected(name).parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", list_backbones())
def test_multiplications_are_half_of_the_flops_that_torch_counts(name: str) -> None:
    shape = find_architecture(name).input_shape
    with torch.device("meta"):
        model = create_backbone(name).eval()
        x = torch.empty(1, *shape)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = model(x)
    assert inspected(name).macs * 2 == counter.get_total_flops()
    assert inspected(name).layers[-1].output == tuple(out.shape[1:])


@pytest.mark.parametrize(
    ("name", "millions"),
    [("mobilenet_v2", 300.8), ("resnet50", 4089.2), ("vgg16", 15470.3), ("resnet18", 1814.1)],
)
def test_published_cost(name: str, millions: float) -> None:
    assert inspected(name).macs / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize(
    ("name", "layer", "pixels"), [("alexnet", "pool", 195), ("vgg16", "pool", 212)]
)
def test_published_receptive_field(name: str, layer: str, pixels: int) -> None:
    """Araujo et al., Distill 2019: what the last feature map sees."""
    last = [row for row in inspected(name).layers if row.kind.startswith("max pool")][-1]
    assert last.receptive_field == (pixels, pixels)


def _inspect(model: nn.Module, *shape: int) -> Inspection:
    return inspect_module(model, shape, "net")


def test_cost_of_a_layer() -> None:
    wide = _inspect(nn.Conv2d(192, 32, 5, padding=2), 192, 28, 28)
    assert wide.macs == 120_422_400
    narrow = _inspect(
        nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2)), 192, 28, 28
    )
    assert [row.macs for row in narrow.layers] == [2_408_448, 10_035_200]
    assert narrow.macs == 12_443_648
    assert narrow.layers[0].kind == "pointwise conv2d 1x1"


def test_filter_depth_and_number_of_filters() -> None:
    (row,) = _inspect(nn.Conv2d(32, 64, 3), 32, 26, 26).layers
    assert row.output == (64, 24, 24)
    assert row.parameters == 3 * 3 * 32 * 64 + 64


@pytest.mark.parametrize(
    ("layer", "shape", "output", "macs"),
    [
        (nn.Conv1d(2, 8, 5), (2, 40), (8, 36), 8 * 36 * 2 * 5),
        (nn.Conv3d(2, 8, 3), (2, 9, 9, 9), (8, 7, 7, 7), 8 * 7**3 * 2 * 27),
        (nn.Conv2d(8, 8, 3, groups=4), (8, 5, 5), (8, 3, 3), 8 * 9 * 2 * 9),
        (nn.ConvTranspose2d(8, 4, 2, 2), (8, 5, 5), (4, 10, 10), 8 * 25 * 4 * 4),
        (nn.Linear(6, 5), (6,), (5,), 30),
    ],
)
def test_every_kind_of_layer(
    layer: nn.Module, shape: tuple[int, ...], output: tuple[int, ...], macs: int
) -> None:
    (row,) = _inspect(layer, *shape).layers
    assert (row.output, row.macs) == (output, macs)
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, *shape))
    assert counter.get_total_flops() == 2 * macs


@pytest.mark.parametrize(
    ("pool", "output", "kind"),
    [
        (nn.MaxPool2d(2), (4, 8, 8), "max pool 2x2 stride 2"),
        (nn.AvgPool2d(2), (4, 8, 8), "average pool 2x2 stride 2"),
        (nn.AdaptiveAvgPool2d(1), (4, 1, 1), "global average pool"),
    ],
)
def test_pooling_keeps_channels_and_costs_nothing(
    pool: nn.Module, output: tuple[int, ...], kind: str
) -> None:
    (row,) = _inspect(pool, 4, 16, 16).layers
    assert (row.output, row.kind, row.parameters, row.macs) == (output, kind, 0, 0)


def test_depthwise_separable_is_named() -> None:
    network = nn.Sequential(
        nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 1)
    )
    kinds = [row.kind for row in _inspect(network, 8, 9, 9).layers]
    assert kinds[0] == "depthwise conv2d 3x3"
    assert kinds[-1] == "pointwise conv2d 1x1, depthwise-separable"


def test_a_stride_that_does_not_tile_is_said() -> None:
    (row,) = _inspect(nn.Conv2d(1, 1, 3, stride=3), 1, 7, 7).layers
    assert row.note == "stride 3 does not tile: 1 of 7 left over"


class _Odd(nn.Module):
    """Functions, a parameter of its own, a shared layer, an idle layer and an unknown one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 5), padding="same")
        self.weight = nn.Parameter(torch.zeros(8, 8, 3, 3))
        self.scale = nn.Parameter(torch.ones(8))
        self.idle = nn.Linear(3, 3)
        self.dense = nn.Linear(8, 8)
        self.memory = nn.LSTM(8, 4)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv(x)), 2)
        x = functional.conv2d(x, self.weight, padding=1) * self.scale.view(1, -1, 1, 1)
        left, right = x.chunk(2, 1)
        x = torch.cat([right, left], 1) + x
        x = functional.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        out: Tensor = self.memory(self.dense(self.dense(x)))[0]
        return out


def test_functions_and_loose_parameters_are_found() -> None:
    model = _Odd()
    found = _inspect(model, 3, 16, 24)
    rows = {row.name: row for row in found.layers}
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert rows["max_pool2d"].receptive_field == (4, 6)
    assert rows["conv2d"].receptive_field == (8, 10)
    assert (rows["conv2d"].parameters, rows["mul"].parameters) == (576, 8)
    assert rows["cat"].kind == "concatenate"
    assert rows["adaptive_avg_pool2d"].note == "sees the whole input"
    assert rows["dense"].note == "parameters shared with a layer above"
    assert rows["memory"].note == "multiplications not counted"
    assert rows["idle"].note == "not used in evaluation mode"
    assert found.receptive_field == ()


def test_the_network_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout()).train()
    before = model[0].weight
    _inspect(model, 1, 5, 5)
    assert model.training
    assert model[0].weight is before
    assert before.device.type == "cpu"


def test_a_pooling_in_the_middle_of_a_block_is_the_whole_input() -> None:
    """The squeeze of a squeeze-and-excitation block sees everything, and so does what it scales."""
    row = next(r for r in inspected("efficientnet_b0").layers if r.kind == "multiply")
    assert row.receptive_field == (224, 224)


class _Flow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("model", "shape", "says"),
    [
        (_Flow(), (3, 8, 8), "net cannot be traced"),
        (nn.Conv2d(3, 4, 3), (1, 8, 8), "expected 3 channels, got 1"),
        (nn.Conv2d(3, 4, 3), (3, 2, 8), "a window of 3 does not fit 2 pixels"),
        (nn.Conv2d(3, 4, 3), (3, 8), "expected channels and 2 sides, got 2 numbers"),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 1)), (1, 4, 4), "expected 9 features, got 16"),
        (nn.MaxPool2d(3), (1, 2, 2), "a window of 3 does not fit 2 pixels"),
        (nn.BatchNorm2d(3), (1, 2, 2), "expected 3 channels, got 1"),
    ],
)
def test_what_cannot_be_inspected_is_one_line(
    model: nn.Module, shape: tuple[int, ...], says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        _inspect(model, *shape)
    assert "\n" not in str(caught.value)
