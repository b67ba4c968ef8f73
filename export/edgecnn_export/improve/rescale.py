"""Makes a copy of a network that computes the same and quantizes badly, to test what repairs it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn_export.improve.graph import copy_float, require_same
from edgecnn_export.improve.pairs import find_pairs, summarize
from edgecnn_export.improve.scaling import divide_channels, layers_of


def rescale(
    model: nn.Module, example: Tensor, *, spread: float = 64.0, seed: int = 0,
    through_caps: bool = False,
) -> nn.Module:  # fmt: skip
    """Return a copy with channels times k, and the weights that read them divided by k.

    Every channel between two layers that `find_pairs` finds gets a k of its own, log-uniform
    between 1 / spread and spread. One scale for a whole tensor then serves few of its channels.

    Args:
        model: in evaluation mode, batch normalization folded; it is not changed.
        example: (N, C, H, W), on which both must agree.
        spread: the largest k.
        seed: of the draw.
        through_caps: also scale through ReLU6, which becomes `CappedReLU`; otherwise the copy has
            the modules of the original.

    Raises:
        InputError: no channel can be scaled.
    """
    copy = copy_float(model)
    found = find_pairs(copy)
    pairs = [pair for pair in found.pairs if through_caps or pair.cap is None]
    if not pairs:
        raise InputError(f"nothing to rescale: {summarize(found.refused) or 'all is capped'}")
    generator = torch.Generator().manual_seed(seed)
    for pair in pairs:
        channels = len(layers_of(copy, pair)[0].weight)
        powers = torch.rand(channels, generator=generator) * 2 - 1
        divide_channels(copy, pair, torch.exp(-powers * math.log(spread)))
    require_same(copy_float(model), copy, example, "rescaling channels")
    return copy
