"""MobileNetV2: inverted residuals and linear bottlenecks.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
arXiv:1801.04381, table 2. At width 1.0 with 1000 classes: 3,504,872 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.registry import register_backbone

Stride = tuple[int, int]

# Expansion, channels, repeats of each stage (table 2).
STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))

CLASSIFY_STRIDES: tuple[Stride, ...] = (
    (2, 2), (1, 1), (2, 2), (2, 2), (2, 2), (1, 1), (2, 2), (1, 1),
)  # fmt: skip
"""(vertical, horizontal) stride of the stem and of each stage, as published: 32 in all."""

LINE_STRIDES: tuple[Stride, ...] = (
    (2, 2), (1, 1), (2, 2), (2, 1), (2, 1), (2, 1), (1, 1), (1, 1),
)  # fmt: skip
"""For lines of text: 32 down, 4 across, so that a 32-pixel line becomes one row of columns."""


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of ``divisor``, never below 90 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * value else rounded + divisor


def _conv(
    in_channels: int, out_channels: int, kernel: int, stride: Stride = (1, 1), groups: int = 1,
    activate: bool = True,
) -> nn.Sequential:  # fmt: skip
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(out_channels),
    ]
    if activate:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand by 1x1, filter by depthwise 3x3, project by 1x1; a shortcut where shapes allow."""

    def __init__(self, in_channels: int, out_channels: int, stride: Stride, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.shortcut = stride == (1, 1) and in_channels == out_channels
        expand = [_conv(in_channels, hidden, 1)] if expansion != 1 else []
        self.body = nn.Sequential(
            *expand,
            _conv(hidden, hidden, 3, stride, groups=hidden),
            _conv(hidden, out_channels, 1, activate=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.body(x)
        return x + out if self.shortcut else out


class MobileNetV2(ConvNet):
    """The network of the paper, with the strides of its stages open."""

    def __init__(
        self, width: float, num_classes: int, strides: Sequence[Stride], feature_channels: int,
        dropout: float, in_channels: int,
    ) -> None:  # fmt: skip
        super().__init__()
        channels = make_divisible(32 * width)
        blocks: list[nn.Module] = [_conv(in_channels, channels, 3, strides[0])]
        for (expansion, stage_channels, repeats), stride in zip(STAGES, strides[1:], strict=True):
            out_channels = make_divisible(stage_channels * width)
            for repeat in range(repeats):
                step = stride if repeat == 0 else (1, 1)
                blocks.append(InvertedResidual(channels, out_channels, step, expansion))
                channels = out_channels
        blocks.append(_conv(channels, feature_channels, 1))
        self.features = nn.Sequential(*blocks)
        self.feature_channels = feature_channels
        self.pool = GlobalAveragePool()
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(feature_channels, num_classes)
        )
        self.apply(_initialize)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


@register_backbone(tasks=("classify", "read"))
def mobilenet_v2(
    *, width: float = 1.0, num_classes: int = 1000, strides: Sequence[Stride] = CLASSIFY_STRIDES,
    feature_channels: int | None = None, dropout: float = 0.2, in_channels: int = 3,
) -> MobileNetV2:  # fmt: skip
    """Build MobileNetV2.

    Args:
        width: channel multiplier; counts are rounded to multiples of 8.
        num_classes: outputs of the classifier.
        strides: (vertical, horizontal) stride of the stem and the seven stages.
        feature_channels: channels of the last 1x1 convolution; by default 1280, times the width
            where that is above 1.
        dropout: share of features dropped before the classifier.
        in_channels: channels of the picture.
    """
    features = feature_channels or make_divisible(1280 * max(1.0, width))
    return MobileNetV2(width, num_classes, strides, features, dropout, in_channels)
