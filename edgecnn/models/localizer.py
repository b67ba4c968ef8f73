"""A localizer: is there something, where, and of which class, from one backbone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn

from edgecnn.models.registry import Backbone, create_backbone

_CHANNELS = 64
"""Of the map that the heads see: enough to place a box, few enough for a small linear layer."""


@dataclass(frozen=True)
class LocalizerOptions:
    """How to build a `Localizer`; the checkpoint's recipe holds the same numbers."""

    architecture: str
    classes: int
    input_shape: tuple[int, int, int]
    """C, H, W: the linear heads are made for the feature map of this input alone."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the backbone's constructor."""
    channels: int = _CHANNELS
    dropout: float = 0.1


class Localizer(nn.Module):
    """One box per picture by regression.

    Szegedy et al., "Deep neural networks for object detection", NeurIPS 2013, and the single-object
    case of Sermanet et al., "OverFeat", ICLR 2014: the feature map stays spatial, since a global
    average forgets where things are. A 1x1 convolution thins it, and three linear heads read it.
    """

    def __init__(
        self, backbone: nn.Module, classes: int, input_shape: tuple[int, int, int], channels: int,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Sequential(
            nn.Conv2d(cast(Backbone, backbone).feature_channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU6(inplace=True),
        )
        self.dropout = nn.Dropout(dropout)
        rows, columns = _map_size(backbone, input_shape)
        self.presence = _head(channels * rows * columns, 1)
        self.box = _head(channels * rows * columns, 4)
        self.classes = _head(channels * rows * columns, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (N, C, H, W) to presence (N, 1), box (N, 4) and classes (N, classes).

        All are logits, as `edgecnn.vision.localize` states.
        """
        features = self.neck(cast(Backbone, self.backbone).forward_features(x))
        flat = self.dropout(features.flatten(1))
        return self.presence(flat), self.box(flat), self.classes(flat)


def create_localizer(options: LocalizerOptions) -> Localizer:
    """Build a localizer on any registered backbone, with random weights."""
    backbone = create_backbone(options.architecture, **options.options)
    backbone.classifier = nn.Identity()
    return Localizer(
        backbone, options.classes, options.input_shape, options.channels, options.dropout
    )


def _head(features: int, outputs: int) -> nn.Linear:
    head = nn.Linear(features, outputs)
    nn.init.normal_(head.weight, 0, 0.01)
    nn.init.zeros_(head.bias)
    return head


@torch.no_grad()
def _map_size(backbone: nn.Module, input_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return rows and columns of the feature map, by trying."""
    was_training = backbone.training
    backbone.eval()
    features = cast(Backbone, backbone).forward_features(torch.zeros(1, *input_shape))
    backbone.train(was_training)
    return features.shape[2], features.shape[3]
