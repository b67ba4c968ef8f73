"""MobileNetV2: inverted residuals and linear bottlenecks.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
arXiv:1801.04381, table 2. At width 1.0 with 1000 classes: 3,504,872 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import Add, Stride, conv_norm, initialize, linear_head, make_divisible
from edgecnn.models.registry import register_backbone

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


class InvertedResidual(nn.Module):
    """Expand by 1x1, filter by depthwise 3x3, project by 1x1; a shortcut where shapes allow."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: Stride, expansion: int,
        same_padding: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        hidden = in_channels * expansion
        shortcut = stride == (1, 1) and in_channels == out_channels
        self.add = Add() if shortcut else None
        expand = [conv_norm(in_channels, hidden, 1, activation=nn.ReLU6)] if expansion != 1 else []
        self.body = nn.Sequential(
            *expand,
            conv_norm(
                hidden, hidden, 3, stride, groups=hidden, activation=nn.ReLU6,
                same_padding=same_padding,
            ),
            conv_norm(hidden, out_channels, 1, activation=None),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.body(x)
        return out if self.add is None else self.add(out, x)


class MobileNetV2(ConvNet):
    """The network of the paper, with the strides of its stages open."""

    def __init__(
        self, width: float, num_classes: int, strides: Sequence[Stride], feature_channels: int,
        dropout: float, in_channels: int, same_padding: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        channels = make_divisible(32 * width)
        stem = conv_norm(
            in_channels, channels, 3, strides[0], activation=nn.ReLU6, same_padding=same_padding
        )
        blocks: list[nn.Module] = [stem]
        for (expansion, stage_channels, repeats), stride in zip(STAGES, strides[1:], strict=True):
            out_channels = make_divisible(stage_channels * width)
            for repeat in range(repeats):
                step = stride if repeat == 0 else (1, 1)
                blocks.append(
                    InvertedResidual(channels, out_channels, step, expansion, same_padding)
                )
                channels = out_channels
        blocks.append(conv_norm(channels, feature_channels, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*blocks)
        self.feature_channels = feature_channels
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(feature_channels, num_classes, dropout)
        self.apply(initialize)


@register_backbone(detects=True, reads=True)
def mobilenet_v2(
    *, width: float = 1.0, num_classes: int = 1000, strides: Sequence[Stride] = CLASSIFY_STRIDES,
    feature_channels: int | None = None, dropout: float = 0.2, in_channels: int = 3,
    same_padding: bool = False,
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
        same_padding: pad strided convolutions right and bottom only. At sides that are multiples
            of 32 this equals TensorFlow's SAME, for weights that were trained there. The names
            of the parameters are the same in both modes.
    """
    features = feature_channels or make_divisible(1280 * max(1.0, width))
    return MobileNetV2(width, num_classes, strides, features, dropout, in_channels, same_padding)
