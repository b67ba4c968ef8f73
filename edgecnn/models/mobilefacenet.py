"""MobileFaceNet's body: MobileNetV2's blocks, narrow, with little downsampling early.

Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices", CCBR 2018, arXiv:1804.07573, table 1, up to the 512-channel 1x1 convolution; the global
depthwise convolution and the vector after it belong to the task, see `edgecnn.models.embedder`.
ReLU in place of PReLU, which integer runtimes do not fuse into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import Add, conv_norm, initialize, linear_head, make_divisible
from edgecnn.models.registry import register_backbone

STAGES = ((2, 64, 2), (4, 128, 2), (2, 128, 1), (4, 128, 2), (2, 128, 1))
"""Expansion, channels and stride of each stage of bottlenecks (table 1)."""
REPEATS = (5, 1, 6, 1, 2)
"""Bottlenecks of each stage (table 1)."""
STEM_CHANNELS, FEATURE_CHANNELS = 64, 512


class Bottleneck(nn.Module):
    """Expand by 1x1, filter by depthwise 3x3, project by 1x1; a shortcut where shapes allow."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.add = Add() if stride == 1 and in_channels == out_channels else None
        self.body = nn.Sequential(
            conv_norm(in_channels, hidden, 1),
            conv_norm(hidden, hidden, 3, stride, groups=hidden),
            conv_norm(hidden, out_channels, 1, activation=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.body(x)
        return out if self.add is None else self.add(out, x)


class MobileFaceNet(ConvNet):
    """The body of the paper, with an average and a classifier as every network here has."""

    def __init__(
        self, width: float, repeats: Sequence[int], num_classes: int, dropout: float,
        in_channels: int,
    ) -> None:  # fmt: skip
        super().__init__()
        channels = make_divisible(STEM_CHANNELS * width)
        blocks: list[nn.Module] = [
            conv_norm(in_channels, channels, 3, 2),
            conv_norm(channels, channels, 3, groups=channels),
        ]
        for (expansion, wide, stride), count in zip(STAGES, repeats, strict=True):
            out_channels = make_divisible(wide * width)
            for repeat in range(count):
                step = stride if repeat == 0 else 1
                blocks.append(Bottleneck(channels, out_channels, step, expansion))
                channels = out_channels
        features = make_divisible(FEATURE_CHANNELS * width)
        blocks.append(conv_norm(channels, features, 1))
        self.features = nn.Sequential(*blocks)
        self.feature_channels = features
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(features, num_classes, dropout)
        self.apply(initialize)


@register_backbone(input_shape=(3, 112, 112))
def mobilefacenet(
    *, width: float = 1.0, repeats: Sequence[int] = REPEATS, num_classes: int = 1000,
    dropout: float = 0.0, in_channels: int = 3,
) -> MobileFaceNet:  # fmt: skip
    """Build the body of MobileFaceNet, 16 pixels a cell.

    Args:
        width: channel multiplier; counts are rounded to multiples of 8.
        repeats: bottlenecks of each of the five stages, one or more.
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier.
        in_channels: channels of the picture.

    Raises:
        InputError: the repeats are not five counts.
    """
    if len(repeats) != len(STAGES) or min(repeats) < 1:
        raise InputError(
            f"repeats: expected {len(STAGES)} numbers of one or more, got {list(repeats)}"
        )
    return MobileFaceNet(width, repeats, num_classes, dropout, in_channels)
