"""EfficientNet B0 to B7 and Lite0 to Lite4: one network, scaled in depth, width and resolution.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
arXiv:1905.11946, table 1 for B0; the coefficients of B1 to B7 and the Lite forms (Liu, 2020) are
those of the authors' published code. Lite is for integer hardware: ReLU6 instead of SiLU, no
squeeze-and-excitation, and stem, head, first and last stage as in B0 at every size.

The networks pad evenly on all sides and have torch's batch normalization (eps 1e-5, momentum 0.1),
as the copies trained in PyTorch; the authors' own, in TensorFlow, have eps 1e-3 and momentum 0.01.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import Add, conv_norm, linear_head, make_divisible
from edgecnn.models.registry import register_backbone


@dataclass(frozen=True)
class Stage:
    """A row of the base table; B0 is the network with every row as it stands."""

    expansion: int
    channels: int
    repeats: int
    stride: int
    kernel: int


@dataclass(frozen=True)
class Scaling:
    """What makes one size of the base table."""

    width: float
    """Multiplier of channels."""
    depth: float
    """Multiplier of repeats."""
    resolution: int
    """Side of the picture, in pixels."""
    dropout: float
    lite: bool = False


STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
SQUEEZE = 4
"""Channels into a block, per channel inside its squeeze-and-excitation."""

STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)

SCALINGS = {
    "efficientnet_b0": Scaling(1.0, 1.0, 224, 0.2),
    "efficientnet_b1": Scaling(1.0, 1.1, 240, 0.2),
    "efficientnet_b2": Scaling(1.1, 1.2, 260, 0.3),
    "efficientnet_b3": Scaling(1.2, 1.4, 300, 0.3),
    "efficientnet_b4": Scaling(1.4, 1.8, 380, 0.4),
    "efficientnet_b5": Scaling(1.6, 2.2, 456, 0.4),
    "efficientnet_b6": Scaling(1.8, 2.6, 528, 0.5),
    "efficientnet_b7": Scaling(2.0, 3.1, 600, 0.5),
    "efficientnet_lite0": Scaling(1.0, 1.0, 224, 0.2, lite=True),
    "efficientnet_lite1": Scaling(1.0, 1.1, 240, 0.2, lite=True),
    "efficientnet_lite2": Scaling(1.1, 1.2, 260, 0.3, lite=True),
    "efficientnet_lite3": Scaling(1.2, 1.4, 280, 0.3, lite=True),
    "efficientnet_lite4": Scaling(1.4, 1.8, 300, 0.3, lite=True),
}


class SqueezeExcite(nn.Module):
    """Weighs each channel by what the whole picture holds. Hu et al., CVPR 2018."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.activation = nn.SiLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        weights: Tensor = self.gate(self.expand(self.activation(self.reduce(self.pool(x)))))
        return x * weights


class StochasticDepth(nn.Module):
    """Drops a branch for whole pictures in training. Huang et al., ECCV 2016, arXiv:1603.09382."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape, unchanged outside training."""
        if not self.training or self.probability == 0:
            return x
        ones = x.new_ones((x.shape[0], 1, 1, 1))
        return x * nn.functional.dropout(ones, self.probability)


class MBConv(nn.Module):
    """An inverted residual with squeeze-and-excitation; a shortcut where shapes allow."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, stage: Stage, lite: bool,
        drop_path: float, eps: float,
    ) -> None:  # fmt: skip
        super().__init__()
        act: type[nn.Module] = nn.ReLU6 if lite else nn.SiLU
        hidden = in_channels * stage.expansion
        body: OrderedDict[str, nn.Module] = OrderedDict()
        if stage.expansion > 1:
            body["expand"] = conv_norm(in_channels, hidden, 1, activation=act, eps=eps)
        body["depthwise"] = conv_norm(
            hidden, hidden, stage.kernel, stride, groups=hidden, activation=act, eps=eps
        )
        if not lite:
            body["excite"] = SqueezeExcite(hidden, in_channels // SQUEEZE)
        body["project"] = conv_norm(hidden, out_channels, 1, activation=None, eps=eps)
        self.out_channels = out_channels
        shortcut = stride == 1 and in_channels == out_channels
        self.add = Add() if shortcut else None
        if shortcut:
            body["drop"] = StochasticDepth(drop_path)
        self.body = nn.Sequential(body)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.body(x)
        return out if self.add is None else self.add(out, x)


class EfficientNet(ConvNet):
    """The base table at one scaling."""

    def __init__(
        self, scaling: Scaling, num_classes: int, dropout: float, drop_path: float,
        in_channels: int, norm_eps: float,
    ) -> None:  # fmt: skip
        super().__init__()
        lite = scaling.lite
        act: type[nn.Module] = nn.ReLU6 if lite else nn.SiLU
        channels = STEM_CHANNELS if lite else make_divisible(STEM_CHANNELS * scaling.width)
        head = HEAD_CHANNELS if lite else make_divisible(HEAD_CHANNELS * scaling.width)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=conv_norm(in_channels, channels, 3, 2, activation=act, eps=norm_eps)
        )
        for number, blocks in enumerate(_make_stages(scaling, channels, drop_path, norm_eps), 1):
            layers[f"stage{number}"] = nn.Sequential(*blocks)
            channels = blocks[-1].out_channels
        layers["head"] = conv_norm(channels, head, 1, activation=act, eps=norm_eps)
        self.features = nn.Sequential(layers)
        self.feature_channels = head
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(head, num_classes, dropout)
        self.apply(_initialize)


def _make_stages(
    scaling: Scaling, channels: int, drop_path: float, eps: float
) -> list[list[MBConv]]:
    repeats = scale_repeats(scaling)
    stages: list[list[MBConv]] = []
    done = 0
    for stage, count in zip(STAGES, repeats, strict=True):
        out_channels = make_divisible(stage.channels * scaling.width)
        blocks: list[MBConv] = []
        for index in range(count):
            stride = stage.stride if index == 0 else 1
            drop = drop_path * done / sum(repeats)
            blocks.append(MBConv(channels, out_channels, stride, stage, scaling.lite, drop, eps))
            channels = out_channels
            done += 1
        stages.append(blocks)
    return stages


def scale_repeats(scaling: Scaling) -> list[int]:
    """Return the blocks of each stage: repeats times depth, rounded up."""
    last = len(STAGES) - 1
    return [
        stage.repeats if scaling.lite and index in (0, last)
        else math.ceil(stage.repeats * scaling.depth)
        for index, stage in enumerate(STAGES)
    ]  # fmt: skip


def _initialize(module: nn.Module) -> None:
    # As published: the fan-out of one group, and a linear layer by its number of outputs.
    if isinstance(module, nn.Conv2d):
        area = module.kernel_size[0] * module.kernel_size[1]
        nn.init.normal_(
            module.weight, 0, math.sqrt(2 * module.groups / (area * module.out_channels))
        )
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _register(name: str, scaling: Scaling) -> None:
    shape = (3, scaling.resolution, scaling.resolution)

    @register_backbone(name=name, input_shape=shape, detects=True)
    def build(
        *, num_classes: int = 1000, dropout: float = scaling.dropout, drop_path: float = 0.2,
        in_channels: int = 3, norm_eps: float = 1e-5,
    ) -> EfficientNet:  # fmt: skip
        """Build an EfficientNet.

        Args:
            num_classes: outputs of the classifier.
            dropout: share of features dropped before the classifier.
            drop_path: probability that training skips the last block; rises to it from 0.
            in_channels: channels of the picture.
            norm_eps: of the batch normalization; 1e-3 for weights that were trained with it
                (TensorFlow's, and torchvision's B5 to B7).
        """
        return EfficientNet(scaling, num_classes, dropout, drop_path, in_channels, norm_eps)


for _name, _scaling in SCALINGS.items():
    _register(_name, _scaling)
