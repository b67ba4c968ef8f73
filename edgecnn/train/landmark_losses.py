"""What the training of landmarks makes small; points that cannot be seen have no place."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def heatmap_loss(maps: Tensor, places: Tensor, visible: Tensor, sigma: float) -> Tensor:
    """Return the mean cross-entropy of each map's softmax with a Gaussian about the truth.

    The map becomes the logarithm of that Gaussian, which `edgecnn.vision.points.decode_maps` takes
    it for.

    Args:
        maps: (N, K, R, C) logits.
        places: (N, K, 2) shares of the input.
        visible: (N, K) 1 or 0.
        sigma: of the Gaussian, cells.
    """
    rows, columns = maps.shape[2:]
    across = _bell(places[..., 0] * columns - 0.5, columns, sigma)
    down = _bell(places[..., 1] * rows - 0.5, rows, sigma)
    target = down[..., :, None] * across[..., None, :]
    logs = maps.float().flatten(2).log_softmax(2)
    return _mean_visible(-(target.flatten(2) * logs).sum(2), visible)


def wing_loss(
    found: Tensor, places: Tensor, visible: Tensor, size: tuple[int, int], width: float,
    curvature: float,
) -> Tensor:  # fmt: skip
    """Return the mean wing loss: logarithmic for small errors, linear beyond.

    Feng et al., "Wing Loss for Robust Facial Landmark Localisation with Convolutional Neural
    Networks", CVPR 2018, equation 5.

    Args:
        found: (N, K x 2) shares of the input.
        places: (N, K, 2) likewise.
        visible: (N, K) 1 or 0.
        size: height and width of the input: errors are measured in its pixels.
        width: of the logarithmic part, pixels (w of the paper).
        curvature: of the logarithmic part, pixels (epsilon of the paper).
    """
    scale = torch.tensor((size[1], size[0]), dtype=torch.float32, device=found.device)
    error = ((found.float().view_as(places) - places) * scale).abs()
    gap = width - width * math.log1p(width / curvature)  # joins the parts
    small = width * torch.log1p(error / curvature)
    values = torch.where(error < width, small, error - gap)
    return _mean_visible(values.mean(2), visible)


def visibility_loss(logits: Tensor, visible: Tensor) -> Tensor:
    """Return the mean binary cross-entropy over all points."""
    return nn.functional.binary_cross_entropy_with_logits(logits.float(), visible)


def _bell(middle: Tensor, cells: int, sigma: float) -> Tensor:
    """Return (..., cells): a Gaussian about a place between cells, which adds up to 1."""
    steps = torch.arange(cells, device=middle.device, dtype=torch.float32)
    # As a softmax, so that a Gaussian whose middle is far away still adds up.
    return (-((steps - middle[..., None]) ** 2) / (2 * sigma**2)).softmax(-1)


def _mean_visible(values: Tensor, visible: Tensor) -> Tensor:
    return (values * visible).sum() / visible.sum().clamp(min=1)
