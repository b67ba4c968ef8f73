"""Networks that find N points: heat maps or plain numbers, on any registered backbone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models.layers import conv_norm, initialize
from edgecnn.models.registry import Backbone, create_backbone


@dataclass(frozen=True)
class LandmarkOptions:
    """How to build a network of landmarks; the checkpoint's recipe holds the same numbers."""

    architecture: str
    points: int
    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    method: Literal["heatmap", "regression"]
    channels: int = 64
    """Of the head."""
    map_stride: int = 4
    """heatmap: pixels of the input per cell."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the backbone's constructor."""


class HeatmapHead(nn.Module):
    """Enlarges the features by 2 until they are fine enough, and gives a map per point.

    Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, with
    nearest-neighbour steps and separable convolutions in place of transposed ones, which every
    runtime has in integers.
    """

    def __init__(self, in_channels: int, channels: int, points: int, doublings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_norm(in_channels, channels, 1)]
        for _ in range(doublings):
            layers += [nn.Upsample(scale_factor=2), *_separable(channels)]
        if not doublings:
            layers += _separable(channels)
        self.body = nn.Sequential(*layers)
        self.maps = nn.Conv2d(channels, points, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, points, H x 2^doublings, W x 2^doublings)."""
        out: Tensor = self.maps(self.body(features))
        return out


class RegressionHead(nn.Module):
    """Gives the places as numbers, from all features at once, so that it knows where each was."""

    def __init__(self, in_channels: int, channels: int, points: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.reduce = conv_norm(in_channels, channels, 1)
        # A kernel as large as the map is a linear layer over it, whatever the layout.
        self.places = nn.Conv2d(channels, 2 * points, size)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, points x 2): x, y of each point as shares of the input."""
        out: Tensor = self.places(self.reduce(features)).flatten(1)
        return out


class LandmarkNet(nn.Module):
    """A backbone, a head for the places and one for who is visible."""

    def __init__(self, backbone: nn.Module, head: nn.Module, points: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.visibility = nn.Linear(cast(Backbone, backbone).feature_channels, points)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) to maps or places, and logits of visibility (N, points)."""
        features = cast(Backbone, self.backbone).forward_features(x)
        visibility: Tensor = self.visibility(features.mean((2, 3)))
        return self.head(features), visibility


def create_landmark_net(options: LandmarkOptions) -> LandmarkNet:
    """Build a network on any registered backbone, with random weights.

    Raises:
        InputError: the backbone takes no such input or option, or its features are coarser or
            finer than a heat map can be made of.
    """
    backbone = create_backbone(options.architecture, **options.options)
    backbone.classifier = nn.Identity()
    channels, *size = _feature_shape(backbone, options)
    points, wide = options.points, options.channels
    head: nn.Module
    if options.method == "regression":
        head = RegressionHead(channels, wide, points, (size[0], size[1]))
    else:
        head = HeatmapHead(channels, wide, points, _doublings((size[0], size[1]), options))
    model = LandmarkNet(backbone, head, points)
    for part in (model.head, model.visibility):
        part.apply(initialize)
    if isinstance(head, RegressionHead) and head.places.bias is not None:
        nn.init.constant_(head.places.bias, 0.5)  # the middle of the picture
        nn.init.normal_(head.places.weight, 0, 0.01)
    if isinstance(head, HeatmapHead):
        nn.init.normal_(head.maps.weight, 0, 0.01)
    return model


def _separable(channels: int) -> list[nn.Module]:
    return [
        conv_norm(channels, channels, 3, groups=channels, activation=None),
        conv_norm(channels, channels, 1),
    ]


@torch.no_grad()
def _feature_shape(backbone: nn.Module, options: LandmarkOptions) -> tuple[int, ...]:
    """Return channels, height and width of the features, by running the backbone once."""
    modes = {module: module.training for module in backbone.modules()}
    backbone.eval()
    try:
        picture = torch.zeros(1, *options.input_shape)
        return tuple(cast(Backbone, backbone).forward_features(picture).shape[1:])
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"{options.architecture} does not take {options.input_shape}: {reason}"
        ) from error
    finally:
        for module, training in modes.items():
            module.training = training


def _doublings(size: tuple[int, int], options: LandmarkOptions) -> int:
    """Return how often features of this size are doubled for maps of the wanted stride."""
    _, *sides = options.input_shape
    steps = [
        math.log2(p / options.map_stride / cells) for p, cells in zip(sides, size, strict=True)
    ]
    whole = round(steps[0])
    if whole < 0 or max(abs(step - whole) for step in steps) > 0.1:
        raise InputError(
            f"{options.architecture} makes {size[0]} x {size[1]} features of {sides[0]} x "
            f"{sides[1]} pixels: heat maps of stride {options.map_stride} are no power of 2 of "
            "them: take an input of a multiple of 32 pixels, another map_stride or another backbone"
        )
    return whole
