"""Turns a classifier of one picture into a convolutional one, which slides over a larger picture.

Sermanet et al., "OverFeat: Integrated Recognition, Localization and Detection using Convolutional
Networks", ICLR 2014, arXiv:1312.6229, section 3.5: a linear layer after a feature map is a
convolution as large as that map, and those behind it are 1x1. What neighbouring windows share is
computed once.

In a network without padding each position gives exactly the logits of its window alone. Padding,
ceil-mode pooling and squeeze-and-excitation see the neighbourhood where a window cut out would end
in zeros; tests/bench/convolutional.py measures what that makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models.base import ConvNet, GlobalAveragePool
from edgecnn.models.inspect import output_grid

Sides = tuple[int, int]
"""Height and width, or down and across."""

POINTWISE = (
    nn.ReLU, nn.ReLU6, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.LeakyReLU, nn.Identity,
)  # fmt: skip
"""Layers of a classifier that do the same to every number, whatever the shape."""


class Convolutional(ConvNet):
    """Maps (N, C, H, W), at least a window, to logits (N, num_classes, rows, columns).

    Parameters are those of the classifier, in the same memory. The window at row i and column j
    has its top left at i, j times the stride.
    """

    window: Sides
    """Height and width in pixels of what a position stands for."""
    stride: Sides
    """Pixels down and across from one position to the next."""

    def __init__(self, model: ConvNet, input_shape: tuple[int, int, int]) -> None:
        """Share the layers of a classifier.

        Args:
            model: a registered classifier.
            input_shape: C, H, W of the pictures that it classifies.

        Raises:
            InputError: a layer that has no convolutional form.
        """
        super().__init__()
        grid = output_grid(model.features, input_shape, type(model).__name__)
        self.window = input_shape[1], input_shape[2]
        self.stride = grid.stride[0], grid.stride[1]
        self.features = model.features
        self.feature_channels = model.feature_channels
        self.pool, seen = _convert_pool(model.pool, (grid.shape[0], grid.shape[1]))
        self.classifier = nn.Sequential(*_convert_linear(model.classifier, seen))
        self.eval()


def _convert_pool(pool: nn.Module, shape: Sides) -> tuple[nn.Module, Sides]:
    """Return what stands for a pooling, and the part of the feature map left to the classifier.

    Args:
        pool: of the classifier.
        shape: of the feature map of one window.
    """
    match pool:
        case GlobalAveragePool():
            return nn.AvgPool2d(shape, stride=1), (1, 1)
        case nn.Flatten():
            return nn.Identity(), shape
        case nn.Sequential() if [type(m) for m in pool] == [nn.AdaptiveAvgPool2d, nn.Flatten]:
            wanted = cast(nn.AdaptiveAvgPool2d, pool[0]).output_size
            if wanted == shape:  # it averages nothing
                return nn.Identity(), shape
            raise InputError(
                f"the feature map of a window is {shape[0]}x{shape[1]}, and its adaptive pooling "
                f"to {wanted} has no convolutional form: choose a window whose "
                "feature map has that size"
            )
    raise InputError(f"a pooling by {type(pool).__name__} has no convolutional form")


def _convert_linear(classifier: nn.Module, seen: Sides) -> Iterator[nn.Module]:
    """Yield convolutions for linear layers; the first is as large as what it sees."""
    for layer in _flat(classifier):
        if isinstance(layer, nn.Linear):
            yield _convolution(layer, seen)
            seen = (1, 1)
        elif isinstance(layer, POINTWISE):
            yield layer
        elif not isinstance(layer, nn.Dropout):
            raise InputError(f"{type(layer).__name__} in a classifier has no convolutional form")


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for child in module:
            yield from _flat(child)
    else:
        yield module


def _convolution(linear: nn.Linear, seen: Sides) -> nn.Conv2d:
    """Return the convolution with the weights of a linear layer over flattened maps."""
    channels = linear.in_features // (seen[0] * seen[1])
    with torch.device("meta"):
        conv = nn.Conv2d(channels, linear.out_features, seen, bias=linear.bias is not None)
    # litert-torch reads raw storage: a strided parameter gives a silently wrong model.
    weight: Tensor = linear.weight.detach().contiguous()
    conv.weight = nn.Parameter(weight.view(linear.out_features, channels, *seen))
    if linear.bias is not None:
        conv.bias = nn.Parameter(linear.bias.detach().contiguous())
    return conv
