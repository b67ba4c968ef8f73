"""Generalized intersection over union of box pairs, with a gradient."""

from __future__ import annotations

import torch
from torch import Tensor


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Return (N,) generalized IoU of each pair, -1..1.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019; as
    `edgecnn.vision.boxes.giou_matrix`, for pairs.

    Args:
        a: (N, 4) x1, y1, x2, y2, sides not negative.
        b: the same.
    """
    common = _area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    union = _area(a[:, :2], a[:, 2:]) + _area(b[:, :2], b[:, 2:]) - common
    hull = _area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    tiny = torch.finfo(a.dtype).eps
    return common / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def _area(near: Tensor, far: Tensor) -> Tensor:
    return (far - near).clamp(min=0).prod(1)
