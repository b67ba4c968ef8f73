"""A single-shot detector: a backbone, a small feature pyramid, and a head for each level.

The pyramid is that of Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, with
depthwise separable convolutions (as SSDLite of MobileNetV2 has them). Every cell of a level gives
one box and one score per class for each of its anchors, as in Redmon and Farhadi, "YOLOv3", 2018,
but without an objectness: a score says both that something is there and how well its box fits (Li
et al., "Generalized Focal Loss", NeurIPS 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgecnn.models.base import ConvNet
from edgecnn.models.layers import Add, conv_norm, initialize
from edgecnn.models.registry import create_backbone, find_architecture
from edgecnn.models.taps import find_taps, run_taps
from edgecnn.vision.anchors import MAX_LOG_SIZE

_PRIOR = 0.01
"""Score of every place before training: most places are empty (Lin et al., ICCV 2017)."""


@dataclass(frozen=True)
class DetectorOptions:
    """How to build a `Detector`; the checkpoint's recipe holds the same numbers."""

    architecture: str
    classes: int
    anchors: tuple[int, ...]
    """Number of anchors of each level."""
    strides: tuple[int, ...] = (8, 16, 32)
    """Pixels per cell of each level, rising by factors of two."""
    channels: int = 96
    """Of the pyramid."""
    oriented: bool = False
    points: int = 0
    """Of each box."""
    in_channels: int = 3
    backbone: dict[str, Any] = field(default_factory=dict)
    """Options of the backbone's constructor."""


def separable(channels: int) -> nn.Sequential:
    """Build a depthwise 3x3 and a pointwise convolution, each with batch-norm and ReLU6."""
    return nn.Sequential(
        conv_norm(channels, channels, 3, groups=channels, activation=nn.ReLU6),
        conv_norm(channels, channels, 1, activation=nn.ReLU6),
    )


class Pyramid(nn.Module):
    """Gives every level what the coarser ones know."""

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            conv_norm(n, channels, 1, activation=None) for n in in_channels
        )
        self.merge = Add()
        self.smooth = nn.ModuleList(separable(channels) for _ in in_channels)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map feature maps, the finest first, to as many of equal channels."""
        sides = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        merged = [sides[-1]]
        for side in reversed(sides[:-1]):
            above = functional.interpolate(merged[0], scale_factor=2.0, mode="nearest")
            merged.insert(0, self.merge(side, above))
        return [smooth(x) for smooth, x in zip(self.smooth, merged, strict=True)]


class LevelHead(nn.Module):
    """Boxes and scores of one level."""

    def __init__(self, channels: int, anchors: int, numbers: int, classes: int) -> None:
        super().__init__()
        self.numbers, self.classes = numbers, classes
        self.tower = separable(channels)
        self.boxes = nn.Conv2d(channels, anchors * numbers, 1)
        self.scores = nn.Conv2d(channels, anchors * classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) to boxes (N, places, numbers) and scores (N, places, classes)."""
        found = self.tower(x)
        return _by_place(self.boxes(found), self.numbers), _by_place(
            self.scores(found), self.classes
        )


def _by_place(x: Tensor, numbers: int) -> Tensor:
    """Map (N, anchors x numbers, H, W) to (N, H x W x anchors, numbers)."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, numbers)


class Detector(nn.Module):
    """Boxes and scores of every place, level by level: see `edgecnn.vision.anchors`."""

    def __init__(self, options: DetectorOptions) -> None:
        super().__init__()
        build = dict(options.backbone)
        if options.in_channels != find_architecture(options.architecture).input_shape[0]:
            build.setdefault("in_channels", options.in_channels)
        self.backbone = cast(ConvNet, create_backbone(options.architecture, **build))
        self.backbone.classifier = nn.Identity()
        self._taps = find_taps(self.backbone.features, options.strides, options.in_channels)
        numbers = 4 + 4 * options.oriented + 2 * options.points
        self.pyramid = Pyramid([tap.channels for tap in self._taps], options.channels)
        self.heads = nn.ModuleList(
            LevelHead(options.channels, count, numbers, options.classes)
            for count in options.anchors
        )
        self.pyramid.apply(initialize)
        self.heads.apply(_initialize_head)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (N, C, H, W) to boxes and scores of each level in turn, the finest first."""
        maps = self.pyramid(run_taps(self.backbone.features, self._taps, x))
        pairs = [head(level) for head, level in zip(self.heads, maps, strict=True)]
        return tuple(tensor for pair in pairs for tensor in pair)


class DecodedDetector(nn.Module):
    """A detector that decodes by itself, for files that other tools run: `AnchorsDecode.decoded`.

    What overlaps is still to be suppressed by whoever takes its outputs.
    """

    anchors: Tensor

    def __init__(self, detector: Detector, anchors: Tensor, oriented: bool) -> None:
        super().__init__()
        self.detector = detector
        self.oriented = oriented
        self.register_buffer("anchors", anchors)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) to boxes and scores (N, places, classes).

        A box is 4 or 5 numbers, and 2 for each of its points; points count as boxes do, from the
        edge of the first pixel.
        """
        outputs = self.detector(x)
        raw, logits = torch.cat(outputs[0::2], 1), torch.cat(outputs[1::2], 1)
        middles = self.anchors[:, :2] + raw[..., :2] * self.anchors[:, 2:]
        limited = raw[..., 2:4].clamp(-MAX_LOG_SIZE, MAX_LOG_SIZE)
        sizes = self.anchors[:, 2:] * limited.exp()
        if self.oriented:
            return torch.cat((middles, sizes, _decode_turns(raw[..., 4:])), 2), logits.sigmoid()
        boxes = torch.cat((middles - sizes / 2, middles + sizes / 2), 2)
        if raw.shape[2] > 4:
            count = (raw.shape[2] - 4) // 2
            points = raw[..., 4:] * self.anchors[:, 2:].repeat(1, count)
            boxes = torch.cat((boxes, self.anchors[:, :2].repeat(1, count) + points), 2)
        return boxes, logits.sigmoid()


def _decode_turns(raw: Tensor) -> Tensor:
    """`edgecnn.vision.anchors.decode_turns` in torch: (..., 4) to (..., 1) radians."""
    axis = torch.atan2(raw[..., 3:4], raw[..., 2:3]) / 2
    backwards = raw[..., :1] * axis.cos() + raw[..., 1:2] * axis.sin() < 0
    opposite = torch.where(axis < 0, axis + math.pi, axis - math.pi)
    return torch.where(backwards, opposite, axis)


def _initialize_head(module: nn.Module) -> None:
    initialize(module)
    if isinstance(module, LevelHead):
        for last in (module.boxes, module.scores):
            nn.init.normal_(last.weight, 0, 0.05)
        if module.scores.bias is not None:
            nn.init.constant_(module.scores.bias, -math.log(1 / _PRIOR - 1))
