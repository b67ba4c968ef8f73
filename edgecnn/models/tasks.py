"""Task models: a registered backbone and the head of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models.mobilenet_v2 import LINE_STRIDES
from edgecnn.models.registry import Backbone, create_backbone, find_architecture


@dataclass(frozen=True)
class ReaderOptions:
    """How to build a `Reader`; the checkpoint's recipe holds the same numbers."""

    architecture: str
    width: float
    feature_channels: int
    symbols: int
    """Characters of the charset, without the CTC blank."""
    dropout: float = 0.1


class Reader(nn.Module):
    """Reads a line of text: per column of features, logits over blank and charset (CTC).

    Graves et al., "Connectionist Temporal Classification", ICML 2006. Output index 0 is the blank.
    """

    def __init__(self, backbone: nn.Module, symbols: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        channels = cast(Backbone, backbone).feature_channels
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(channels, symbols + 1, 1)
        nn.init.normal_(self.head.weight, 0, 0.01)
        nn.init.zeros_(self.head.bias) if self.head.bias is not None else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, T, 1 + symbols), T columns from left to right."""
        features = cast(Backbone, self.backbone).forward_features(x)
        logits: Tensor = self.head(self.dropout(features.mean(2, keepdim=True)))
        return logits.squeeze(2).transpose(1, 2)


def create_reader(options: ReaderOptions) -> Reader:
    """Build a reader on any registered backbone that takes ``strides``."""
    if "read" not in find_architecture(options.architecture).tasks:
        raise InputError(f"{options.architecture} cannot read lines: its strides are fixed")
    backbone = create_backbone(
        options.architecture, width=options.width, strides=LINE_STRIDES,
        feature_channels=options.feature_channels,
    )  # fmt: skip
    backbone.classifier = nn.Identity()
    return Reader(backbone, options.symbols, options.dropout)
