"""ResNet-18, 34 and 50: residual blocks with identity and projection shortcuts.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv:1512.03385, table 1 and
option B (projections where shapes change). Bottlenecks stride in their 3x3 convolution, as trained
copies do, and not in the first 1x1. With 1000 classes: 11,689,512, 21,797,672 and 25,557,032
parameters.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import Add, conv_norm, initialize, linear_head
from edgecnn.models.registry import register_backbone

STAGE_CHANNELS = (64, 128, 256, 512)
EXPANSION = 4
"""Channels out of a bottleneck, per channel of its 3x3 convolution."""


class Residual(nn.Module):
    """Adds what a body makes of its input to a shortcut of that input, then ReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        if bottleneck:
            self.out_channels = channels * EXPANSION
            self.body = nn.Sequential(
                conv_norm(in_channels, channels, 1),
                conv_norm(channels, channels, 3, stride),
                conv_norm(channels, self.out_channels, 1, activation=None),
            )
        else:
            self.out_channels = channels
            self.body = nn.Sequential(
                conv_norm(in_channels, channels, 3, stride),
                conv_norm(channels, channels, 3, activation=None),
            )
        identity = stride == 1 and in_channels == self.out_channels
        self.shortcut: nn.Module = (
            nn.Identity()
            if identity
            else conv_norm(in_channels, self.out_channels, 1, stride, activation=None)
        )
        self.add = Add()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.activation(self.add(self.body(x), self.shortcut(x)))
        return out


class ResNet(ConvNet):
    """A stem and four stages of residual blocks."""

    def __init__(
        self, repeats: tuple[int, int, int, int], bottleneck: bool, num_classes: int,
        dropout: float, in_channels: int,
    ) -> None:  # fmt: skip
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=conv_norm(in_channels, 64, 7, 2), pool=nn.MaxPool2d(3, 2, 1)
        )
        channels = 64
        for stage, (width, count) in enumerate(zip(STAGE_CHANNELS, repeats, strict=True), start=1):
            blocks = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and stage > 1 else 1
                block = Residual(channels, width, stride, bottleneck)
                blocks.append(block)
                channels = block.out_channels
            layers[f"stage{stage}"] = blocks
        self.features = nn.Sequential(layers)
        self.feature_channels = channels
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(channels, num_classes, dropout)
        self.apply(initialize)


@register_backbone(detects=True)
def resnet18(*, num_classes: int = 1000, dropout: float = 0.0, in_channels: int = 3) -> ResNet:
    """Build ResNet-18: eight blocks of two 3x3 convolutions.

    Args:
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier; the paper has none.
        in_channels: channels of the picture.
    """
    return ResNet((2, 2, 2, 2), False, num_classes, dropout, in_channels)


@register_backbone(detects=True)
def resnet34(*, num_classes: int = 1000, dropout: float = 0.0, in_channels: int = 3) -> ResNet:
    """Build ResNet-34: sixteen blocks of two 3x3 convolutions; arguments as `resnet18`."""
    return ResNet((3, 4, 6, 3), False, num_classes, dropout, in_channels)


@register_backbone(detects=True)
def resnet50(*, num_classes: int = 1000, dropout: float = 0.0, in_channels: int = 3) -> ResNet:
    """Build ResNet-50: sixteen bottlenecks; arguments as `resnet18`."""
    return ResNet((3, 4, 6, 3), True, num_classes, dropout, in_channels)
