"""A small network in the manner of OverFeat: no padding, so that it slides without a seam.

Sermanet et al., "OverFeat: Integrated Recognition, Localization and Detection using Convolutional
Networks", ICLR 2014, arXiv:1312.6229, table 1, the fast model: convolutions with ReLU, max pooling
without overlap, no response normalization, a classifier on 5x5 maps with dropout of 0.5. It
differs in size (64x64 for 231x231, an eighth of the channels and less), in its first convolution
(5x5 for 11x11 by 4), in one convolution fewer, and in that no convolution is padded, where the
paper pads its last three. With 10 classes: 1,130,186 parameters; its positions lie 8 pixels apart.
"""

from __future__ import annotations

from torch import nn

from edgecnn.models.base import ConvNet
from edgecnn.models.layers import initialize_plain
from edgecnn.models.registry import register_backbone


def _conv(in_channels: int, out_channels: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, kernel), nn.ReLU(inplace=True)]


class OverFeat(ConvNet):
    """Four convolutions and three linear layers, for pictures of 64x64."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv(in_channels, 32, 5), nn.MaxPool2d(2),
            *_conv(32, 64, 3), nn.MaxPool2d(2),
            *_conv(64, 128, 3), *_conv(128, 128, 3), nn.MaxPool2d(2),
        )  # fmt: skip
        self.feature_channels = 128
        self.pool = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(128 * 5 * 5, 256), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(256, 256), nn.ReLU(inplace=True),
            nn.Linear(256, num_classes),
        )  # fmt: skip
        self.apply(initialize_plain)


@register_backbone(input_shape=(3, 64, 64))
def overfeat_small(
    *, num_classes: int = 10, dropout: float = 0.5, in_channels: int = 3
) -> OverFeat:
    """Build the small OverFeat for pictures of 64x64.

    Args:
        num_classes: outputs of the classifier.
        dropout: share dropped before each of the two hidden linear layers.
        in_channels: channels of the picture.
    """
    return OverFeat(num_classes, dropout, in_channels)
