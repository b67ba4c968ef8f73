"""AlexNet: ReLU and dropout, in the form with a single tower.

Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012; the
single tower, with its channel counts and without response normalization, is that of Krizhevsky,
"One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997. With 1000
classes: 61,100,840 parameters.
"""

from __future__ import annotations

from torch import nn

from edgecnn.models.base import ConvNet
from edgecnn.models.layers import initialize_plain
from edgecnn.models.registry import register_backbone


def _conv(in_channels: int, out_channels: int, kernel: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    return [conv, nn.ReLU(inplace=True)]


class AlexNet(ConvNet):
    """Five convolutions and three linear layers."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            *_conv(64, 192, 5), nn.MaxPool2d(3, 2),
            *_conv(192, 384, 3), *_conv(384, 256, 3), *_conv(256, 256, 3), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.feature_channels = 256
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d((6, 6)), nn.Flatten())
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        self.apply(initialize_plain)


@register_backbone()
def alexnet(*, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3) -> AlexNet:
    """Build AlexNet.

    Args:
        num_classes: outputs of the classifier.
        dropout: share dropped before each of the two hidden linear layers.
        in_channels: channels of the picture.
    """
    return AlexNet(num_classes, dropout, in_channels)
