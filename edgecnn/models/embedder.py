"""Networks that turn a picture into a vector, on any registered backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from edgecnn.models.base import ConvNet
from edgecnn.models.embed_heads import HeadKind, HintHead, make_head
from edgecnn.models.layers import conv_norm, initialize
from edgecnn.models.registry import Backbone, create_backbone

Pooling = Literal["depthwise", "average"]


@dataclass(frozen=True)
class EmbedderOptions:
    """How to build an `Embedder`; the checkpoint's recipe holds the same numbers."""

    architecture: str
    input_shape: tuple[int, int, int]
    """C, H, W: a depthwise pooling is made for the feature map of this input alone."""
    size: int = 128
    """Numbers in a vector."""
    pooling: Pooling = "depthwise"
    """depthwise: each place of the map has a weight of its own; average: all count alike."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the backbone's constructor."""
    head: HeadKind = "none"
    """What it learns through."""
    people: int = 0
    """Of the training split; for the head `cosine` alone."""
    hint: int = 0
    """Channels of a teacher's map that it learns to tell beside, in place of a head; 0: none."""
    mirror: bool = False
    """Whether, but while it trains, it adds the vectors of a picture and of its mirror image."""


class Embedder(nn.Module):
    """A backbone, a pooling over its whole map, and a linear layer to the vector.

    The global depthwise convolution of Chen et al., "MobileFaceNets", CCBR 2018: in an aligned face
    the places of a map mean different things, and an average forgets which was which. Neither it
    nor the linear layer (a 1x1 convolution, normalized) has an activation.
    """

    def __init__(
        self, backbone: nn.Module, shape: tuple[int, int, int], pooling: Pooling, size: int,
        head: nn.Module | None, hint: nn.Module | None = None, mirror: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.backbone = backbone
        channels, rows, columns = shape
        self.pool: nn.Module = nn.AvgPool2d((rows, columns))
        if pooling == "depthwise":
            self.pool = nn.Sequential(
                nn.Conv2d(channels, channels, (rows, columns), groups=channels, bias=False),
                nn.BatchNorm2d(channels),
            )
        self.vector = conv_norm(channels, size, 1, activation=None)
        self.head, self.hint, self.mirror = head, hint, mirror
        self.pool.apply(initialize)
        self.vector.apply(initialize)

    def taught(
        self, x: Tensor, stages: Sequence[int], lessons: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Let each stage make of a teacher's features what the teacher's next features are.

        Stage k ends with layer ``stages[k]`` of the backbone and begins with what the teacher has
        there, so that it learns by itself and from the first step on (Li et al., "Block-wisely
        Supervised Neural Architecture Search with Knowledge Distillation", CVPR 2020, section 3.1).

        Args:
            x: (N, C, H, W).
            stages: rising; the last one is the last layer.
            lessons: as many maps, those of the teacher.

        Returns:
            vectors (N, size), of the teacher's last map; and what each stage makes, as the lessons.
        """
        layers = cast(nn.Sequential, cast(ConvNet, self.backbone).features)
        begins = (0, *(stage + 1 for stage in stages))
        made = tuple(
            layers[begin : stage + 1](given)
            for begin, stage, given in zip(begins, stages, (x, *lessons[:-1]), strict=False)
        )
        return self.vector(self.pool(lessons[-1])).flatten(1), made

    def _vectors(self, x: Tensor) -> Tensor:
        features = cast(Backbone, self.backbone).forward_features(x)
        return cast(Tensor, self.vector(self.pool(features)).flatten(1))

    def forward(
        self, x: Tensor, stages: Sequence[int] = (), lessons: Sequence[Tensor] = ()
    ) -> Tensor | tuple[Tensor, Tensor] | tuple[Tensor, tuple[Tensor, ...]]:
        """Map (N, C, H, W) to vectors (N, size), not normalized.

        In training mode what a head gives comes second, so that processes share its gradients too:
        of the vectors, or of a hint, (N, C, H, W). With ``stages`` see `taught`.
        """
        if stages:
            return self.taught(x, stages, lessons)
        if self.mirror and not self.training:
            return self._vectors(x) + self._vectors(x.flip(3))
        features = cast(Backbone, self.backbone).forward_features(x)
        vectors: Tensor = self.vector(self.pool(features)).flatten(1)
        if self.training and self.hint is not None:
            return vectors, self.hint(features)
        if self.head is None or not self.training:
            return vectors
        return vectors, self.head(nn.functional.normalize(vectors.float()))


def create_embedder(options: EmbedderOptions) -> Embedder:
    """Build an embedder on any registered backbone, with random weights."""
    backbone = create_backbone(options.architecture, **options.options)
    backbone.classifier = nn.Identity()
    shape = _map_shape(backbone, options.input_shape)
    head = make_head(options.head, options.size, options.people)
    hint = HintHead(shape[0], options.hint) if options.hint else None
    return Embedder(backbone, shape, options.pooling, options.size, head, hint, options.mirror)


@torch.no_grad()
def layer_shapes(options: EmbedderOptions) -> tuple[tuple[int, int, int], ...]:
    """Return channels, rows and columns behind each layer of an embedder's backbone."""
    backbone = cast(ConvNet, create_backbone(options.architecture, **options.options)).eval()
    x, shapes = torch.zeros(1, *options.input_shape), []
    for layer in cast(nn.Sequential, backbone.features):
        x = layer(x)
        shapes.append((x.shape[1], x.shape[2], x.shape[3]))
    return tuple(shapes)


@torch.no_grad()
def _map_shape(
    backbone: nn.Module, input_shape: tuple[int, int, int]
) -> tuple[int, int, int]:  # fmt: skip
    """Return channels, rows and columns of the feature map, by trying."""
    was_training = backbone.training
    backbone.eval()
    features = cast(Backbone, backbone).forward_features(torch.zeros(1, *input_shape))
    backbone.train(was_training)
    return features.shape[1], features.shape[2], features.shape[3]
