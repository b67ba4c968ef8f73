"""LeNet-5: the first convolutional reader of digits.

LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998,
section II, in the form in use today: average pooling without weights, plain tanh, every map of C3
connected to every map of S2 (the paper leaves some out), and a linear last layer instead of radial
basis functions. C5 is written as the linear layer that it is at 32x32. 61,706 parameters.
"""

from __future__ import annotations

from torch import nn

from edgecnn.models.base import ConvNet
from edgecnn.models.registry import register_backbone


class LeNet5(ConvNet):
    """The network of the paper, for pictures of 32x32."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        )  # fmt: skip
        self.feature_channels = 16
        self.pool = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
            nn.Linear(84, num_classes),
        )  # fmt: skip
        self.apply(_initialize)


def _initialize(module: nn.Module) -> None:
    # The paper's range, 2.4 / fan-in, is for its scaled tanh; Glorot's is for the plain one.
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@register_backbone(input_shape=(1, 32, 32))
def lenet5(*, num_classes: int = 10, in_channels: int = 1) -> LeNet5:
    """Build LeNet-5 for pictures of 32x32.

    Args:
        num_classes: outputs of the classifier.
        in_channels: channels of the picture.
    """
    return LeNet5(num_classes, in_channels)
