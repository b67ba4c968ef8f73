"""What every network of the package is: features, a pooling, and a classifier."""

from __future__ import annotations

from torch import Tensor, nn


class ConvNet(nn.Module):
    """A classifier in three parts, so that a task, an explanation or a transfer finds each.

    A family's class fills `features`, `pool`, `classifier` and `feature_channels`, and has no
    forward of its own.
    """

    features: nn.Module
    """(N, C, H, W) picture to (N, feature_channels, H', W') feature map."""
    pool: nn.Module
    """Feature map to (N, F) vectors."""
    classifier: nn.Module
    """(N, F) vectors to (N, num_classes) logits."""
    feature_channels: int
    """Channels of the feature map."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, feature_channels, H', W')."""
        out: Tensor = self.features(x)
        return out

    def forward_head(self, features: Tensor) -> Tensor:
        """Map a feature map to logits (N, num_classes)."""
        out: Tensor = self.classifier(self.pool(features))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


class GlobalAveragePool(nn.Module):
    """Average over the picture: no parameters, channels unchanged, any size."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C)."""
        return x.mean((2, 3))
