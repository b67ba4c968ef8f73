"""DenseNet-121: every layer of a block sees the maps of all layers before it.

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, arXiv:1608.06993, table 1: the
form BC (bottlenecks, and transitions that halve the channels) with growth rate 32. With 1000
classes: 7,978,856 parameters.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import conv_norm, initialize, linear_head
from edgecnn.models.registry import register_backbone

GROWTH = 32
"""Channels that a layer adds."""
BOTTLENECK = 4
"""Channels inside a layer, in units of the growth."""
LAYERS = (6, 12, 24, 16)
"""Layers of each block."""


def _norm_conv(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(in_channels),
            activation=nn.ReLU(inplace=True),
            conv=nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        )
    )


class DenseLayer(nn.Module):
    """Makes `GROWTH` maps of its input and joins them to it."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        hidden = BOTTLENECK * GROWTH
        self.reduce = _norm_conv(in_channels, hidden, 1)
        self.filter = _norm_conv(hidden, GROWTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, in + GROWTH, H, W)."""
        return torch.cat((x, self.filter(self.reduce(x))), 1)


class DenseNet(ConvNet):
    """A stem and four dense blocks with transitions between them."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        channels = 2 * GROWTH
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=conv_norm(in_channels, channels, 7, 2), pool=nn.MaxPool2d(3, 2, 1)
        )
        for stage, count in enumerate(LAYERS, start=1):
            layers[f"block{stage}"] = nn.Sequential(
                *[DenseLayer(channels + index * GROWTH) for index in range(count)]
            )
            channels += count * GROWTH
            if stage < len(LAYERS):
                transition = _norm_conv(channels, channels // 2, 1)
                transition.add_module("pool", nn.AvgPool2d(2))
                layers[f"transition{stage}"] = transition
                channels //= 2
        layers["norm"] = nn.BatchNorm2d(channels)
        layers["activation"] = nn.ReLU(inplace=True)
        self.features = nn.Sequential(layers)
        self.feature_channels = channels
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(channels, num_classes, dropout)
        self.apply(initialize)


@register_backbone(detects=True)
def densenet121(*, num_classes: int = 1000, dropout: float = 0.0, in_channels: int = 3) -> DenseNet:
    """Build DenseNet-121.

    Args:
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier; the paper has none there.
        in_channels: channels of the picture.
    """
    return DenseNet(num_classes, dropout, in_channels)
