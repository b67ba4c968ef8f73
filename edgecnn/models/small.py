"""Three small networks that course notes teach with."""

from __future__ import annotations

from torch import nn

from edgecnn.errors import InputError
from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import conv_norm, initialize, initialize_plain, linear_head
from edgecnn.models.registry import register_backbone

BINARY_CHANNELS = (32, 64, 128, 256, 256)
BINARY_SMALLEST = 78
"""Pixels of the shortest side of which `binary_convnet` leaves anything."""
FIVE_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2), (512, 2))
"""Channels and stride of each stage of `five_stage`."""


class BinaryConvNet(ConvNet):
    """Unpadded 3x3 convolutions, each but the last followed by a 2x2 max pooling."""

    def __init__(
        self, num_classes: int, dropout: float, in_channels: int, height: int, width: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for out_channels in BINARY_CHANNELS:
            if layers:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            layers += [nn.Conv2d(channels, out_channels, 3), nn.ReLU(inplace=True)]
            height, width, channels = height - 2, width - 2, out_channels
        self.features = nn.Sequential(*layers)
        self.feature_channels = channels
        self.pool = nn.Flatten()
        self.classifier = linear_head(channels * height * width, num_classes, dropout)
        self.apply(initialize_plain)


@register_backbone(input_shape=(3, 180, 180))
def binary_convnet(
    *, num_classes: int = 1, dropout: float = 0.5, in_channels: int = 3,
    input_size: int | tuple[int, int] = 180,
) -> BinaryConvNet:  # fmt: skip
    """Build the small network for two classes; 991,041 parameters at 180x180.

    Its one output is the logit of the second class: the sigmoid is in the loss.

    Args:
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier.
        in_channels: channels of the picture.
        input_size: side of the picture, or its height and width, in pixels; at least 78.

    Raises:
        InputError: a side below 78 pixels.
    """
    height, width = (input_size, input_size) if isinstance(input_size, int) else input_size
    if min(height, width) < BINARY_SMALLEST:
        raise InputError(
            f"binary_convnet: expected sides of at least {BINARY_SMALLEST} pixels, got "
            f"{height}x{width}: take larger pictures or another architecture"
        )
    return BinaryConvNet(num_classes, dropout, in_channels, height, width)


class FiveStage(ConvNet):
    """Five 3x3 convolutions with batch normalization; 16 down in all."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = in_channels
        for out_channels, stride in FIVE_STAGES:
            self.features.append(conv_norm(channels, out_channels, 3, stride))
            channels = out_channels
        self.feature_channels = channels
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(channels, num_classes, dropout)
        self.apply(initialize)


@register_backbone(input_shape=(3, 32, 32))
def five_stage(*, num_classes: int = 10, dropout: float = 0.0, in_channels: int = 3) -> FiveStage:
    """Build the five-stage network, for pictures of any size from 16x16.

    Args:
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier.
        in_channels: channels of the picture.
    """
    return FiveStage(num_classes, dropout, in_channels)


class MnistConvNet(ConvNet):
    """Two padded 5x5 convolutions, each followed by a 2x2 max pooling, for pictures of 28x28."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 16, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        )  # fmt: skip
        self.feature_channels = 32
        self.pool = nn.Flatten()
        self.classifier = nn.Linear(32 * 7 * 7, num_classes)
        self.apply(initialize_plain)


@register_backbone(input_shape=(1, 28, 28))
def mnist_convnet(*, num_classes: int = 10, in_channels: int = 1) -> MnistConvNet:
    """Build the network for handwritten digits; 28,938 parameters.

    Args:
        num_classes: outputs of the classifier.
        in_channels: channels of the picture.
    """
    return MnistConvNet(num_classes, in_channels)
