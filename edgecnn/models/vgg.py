"""VGG-16: thirteen 3x3 convolutions and three linear layers.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015, arXiv:1409.1556, table 1, column D. With 1000 classes: 138,357,544 parameters.
"""

from __future__ import annotations

from torch import nn

from edgecnn.models.base import ConvNet
from edgecnn.models.layers import initialize_plain
from edgecnn.models.registry import register_backbone

# Channels and convolutions of each stage; a 2x2 max pooling ends it.
STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class VGG(ConvNet):
    """The network of the paper."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for out_channels, convolutions in STAGES:
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
                channels = out_channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.feature_channels = channels
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d((7, 7)), nn.Flatten())
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        self.apply(initialize_plain)


@register_backbone(detects=True)
def vgg16(*, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3) -> VGG:
    """Build VGG-16.

    Args:
        num_classes: outputs of the classifier.
        dropout: share dropped after each of the two hidden linear layers.
        in_channels: channels of the picture.
    """
    return VGG(num_classes, dropout, in_channels)
