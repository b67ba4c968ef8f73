"""GoogLeNet: Inception modules, with batch normalization and without the auxiliary heads.

Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, arXiv:1409.4842, table 1. Batch
normalization (Ioffe and Szegedy, arXiv:1502.03167) takes the place of response normalization and of
the auxiliary heads. As in every trained copy of this form in use, the third branch filters by 3x3
where table 1 has 5x5. With 1000 classes: 6,624,904 parameters.

torchvision's trained weights are for pictures with mean 0.5 and deviation 0.5 per channel: its own
network converts from ImageNet's inside.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.layers import conv_norm, initialize, linear_head
from edgecnn.models.registry import register_backbone

EPS = 1e-3
"""Of the batch normalization, as trained copies have it."""

Widths = tuple[int, int, int, int, int, int]

# 1x1 | 3x3 reduce, 3x3 | "5x5" reduce, "5x5" | pool projection, of each module (table 1).
STAGES: dict[str, dict[str, Widths]] = {
    "inception3": {"a": (64, 96, 128, 16, 32, 32), "b": (128, 128, 192, 32, 96, 64)},
    "inception4": {
        "a": (192, 96, 208, 16, 48, 64),
        "b": (160, 112, 224, 24, 64, 64),
        "c": (128, 128, 256, 24, 64, 64),
        "d": (112, 144, 288, 32, 64, 64),
        "e": (256, 160, 320, 32, 128, 128),
    },
    "inception5": {"a": (256, 160, 320, 32, 128, 128), "b": (384, 192, 384, 48, 128, 128)},
}


class Inception(nn.Module):
    """Four branches side by side, their channels joined: 1x1, two reduced filters, a pooling."""

    def __init__(self, in_channels: int, widths: Widths) -> None:
        super().__init__()
        one, reduce_a, filter_a, reduce_b, filter_b, project = widths
        self.branch1 = conv_norm(in_channels, one, 1, eps=EPS)
        self.branch2 = nn.Sequential(
            conv_norm(in_channels, reduce_a, 1, eps=EPS), conv_norm(reduce_a, filter_a, 3, eps=EPS)
        )
        self.branch3 = nn.Sequential(
            conv_norm(in_channels, reduce_b, 1, eps=EPS), conv_norm(reduce_b, filter_b, 3, eps=EPS)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, 1, 1), conv_norm(in_channels, project, 1, eps=EPS)
        )
        self.out_channels = one + filter_a + filter_b + project

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out_channels, H, W)."""
        return torch.cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1)


class GoogLeNet(ConvNet):
    """A stem of three convolutions and nine Inception modules."""

    def __init__(self, num_classes: int, dropout: float, in_channels: int) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=conv_norm(in_channels, 64, 7, 2, eps=EPS),
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
            conv2=conv_norm(64, 64, 1, eps=EPS),
            conv3=conv_norm(64, 192, 3, eps=EPS),
            pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
        )
        channels = 192
        for stage, modules in STAGES.items():
            for letter, widths in modules.items():
                module = Inception(channels, widths)
                layers[stage + letter] = module
                channels = module.out_channels
            if stage == "inception3":
                layers["pool3"] = nn.MaxPool2d(3, 2, ceil_mode=True)
            elif stage == "inception4":
                layers["pool4"] = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.features = nn.Sequential(layers)
        self.feature_channels = channels
        self.pool = GlobalAveragePool()
        self.classifier = linear_head(channels, num_classes, dropout)
        self.apply(initialize)


@register_backbone(detects=True)
def googlenet(*, num_classes: int = 1000, dropout: float = 0.4, in_channels: int = 3) -> GoogLeNet:
    """Build GoogLeNet.

    Args:
        num_classes: outputs of the classifier.
        dropout: share of features dropped before the classifier.
        in_channels: channels of the picture.
    """
    return GoogLeNet(num_classes, dropout, in_channels)
