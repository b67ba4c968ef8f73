from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.models.landmarks import LandmarkOptions, create_landmark_net

Options = dict[str, Any]
SMALL: Options = {"width": 0.25, "feature_channels": 32}


def _options(
    method: Literal["heatmap", "regression"] = "heatmap", architecture: str = "mobilenet_v2",
    size: tuple[int, int] = (64, 96), stride: int = 4, options: Options = SMALL,
) -> LandmarkOptions:  # fmt: skip
    return LandmarkOptions(architecture, 3, (3, *size), method, 16, stride, options)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("mobilenet_v2", SMALL), ("efficientnet_lite0", {}), ("resnet18", {}), ("five_stage", {})],
)
@pytest.mark.parametrize("stride", [4, 8])
def test_maps_have_the_wanted_stride_on_any_backbone(
    architecture: str, options: Options, stride: int
) -> None:
    model = create_landmark_net(_options("heatmap", architecture, (64, 96), stride, options))
    maps, visibility = model.eval()(torch.zeros(2, 3, 64, 96))
    assert maps.shape == (2, 3, 64 // stride, 96 // stride)
    assert visibility.shape == (2, 3)


@pytest.mark.parametrize("size", [(64, 96), (112, 112), (50, 70)])
def test_a_regression_takes_any_size_and_starts_in_the_middle(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    model = create_landmark_net(_options("regression", size=size)).eval()
    places, visibility = model(torch.zeros(2, 3, *size))
    assert (places.shape, visibility.shape) == ((2, 6), (2, 3))
    assert (places - 0.5).abs().max() < 0.2


def test_building_leaves_every_part_ready_to_train() -> None:
    model = create_landmark_net(_options())
    assert all(module.training for module in model.modules())
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert norm.num_batches_tracked is not None and int(norm.num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [(_options(size=(112, 112)), "multiple of 32"),
     (_options(size=(64, 72)), "multiple of 32"),
     (_options(architecture="five_stage", size=(32, 32), stride=64, options={}), "map_stride"),
     (_options(architecture="lenet5", options={}), "does not take"),
     (_options(options={"widht": 2}), "did you mean width")],
)  # fmt: skip
def test_what_does_not_fit_is_named(options: LandmarkOptions, says: str) -> None:
    with pytest.raises(InputError, match=says):
        create_landmark_net(options)
