"""What an embedder learns through: heads over the vectors of a batch, used while it trains alone.

Each maps unit vectors (N, D) to what its loss reads. Nothing of them is exported.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

HeadKind = Literal["none", "distance", "difference", "cosine"]


class DistanceHead(nn.Module):
    """Logits that two vectors are of one person, from their L2 distance alone.

    Two numbers are learned: the distance at which it is even odds, and how sharply odds fall.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(1.0))  # unit vectors are 0..2 apart
        self.sharpness = nn.Parameter(torch.tensor(5.0))

    def forward(self, vectors: Tensor) -> Tensor:
        """Map unit vectors (N, D) to logits (N, N)."""
        return self.sharpness * (self.threshold - squared_distances(vectors).clamp(1e-12).sqrt())


class DifferenceHead(nn.Module):
    """Logits that two vectors are of one person, from |a - b|, each number with its own weight.

    Taigman et al., "DeepFace", CVPR 2014, section 4.2.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Linear(size, 1)
        nn.init.constant_(self.weight.weight, -1.0)  # what differs speaks against
        nn.init.constant_(self.weight.bias, size**0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map unit vectors (N, D) to logits (N, N)."""
        out: Tensor = self.weight((vectors[:, None] - vectors[None]).abs()).squeeze(2)
        return out


class CosineHead(nn.Module):
    """Cosines to a learned direction per person of the training split.

    Those directions are templates of people: a checkpoint that holds them is as private as they.
    """

    def __init__(self, size: int, people: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.empty(people, size))
        nn.init.normal_(self.directions)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map unit vectors (N, D) to cosines (N, people)."""
        return vectors @ nn.functional.normalize(self.directions).T


class HintHead(nn.Module):
    """Maps a backbone's features to those of a teacher at the same places, linearly.

    Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, section 2.2, with a 1x1
    convolution for regressor.
    """

    def __init__(self, channels: int, theirs: int) -> None:
        super().__init__()
        self.regress = nn.Conv2d(channels, theirs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, theirs, H, W)."""
        out: Tensor = self.regress(features)
        return out


def squared_distances(vectors: Tensor) -> Tensor:
    """Map vectors (N, D) to their squared L2 distances (N, N), never below 0."""
    norms = vectors.square().sum(1)
    return (norms[:, None] + norms[None] - 2 * vectors @ vectors.T).clamp(min=0)


def make_head(kind: HeadKind, size: int, people: int) -> nn.Module | None:
    """Build a head; None where the loss reads the vectors themselves."""
    if kind == "distance":
        return DistanceHead()
    if kind == "difference":
        return DifferenceHead(size)
    return CosineHead(size, people) if kind == "cosine" else None
