"""Which places of a detector are responsible for which object.

Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection via Adaptive Training
Sample Selection" (ATSS), CVPR 2020: of each level the places nearest to an object's middle are
candidates; those that overlap it more than mean plus standard deviation of the candidates, and lie
inside it, are positive. Nothing has to be tuned but the number of candidates.

An object at an angle is compared along its own axes, as the loss and the decoder lay a box: seen
along the picture's axes a thin slanting one would claim places beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

NEAREST = 9
"""Cells of a level whose anchors are an object's candidates, as in the paper."""


def assign(anchors: Tensor, levels: Sequence[int], boxes: Tensor) -> Tensor:
    """Return (places,) the object of each place, or -1.

    Args:
        anchors: (places, 4) middle x, y, width, height.
        levels: number of places of each level, in order.
        boxes: (objects, 5) middle x, y, width, height, angle.
    """
    owner = torch.full((len(anchors),), -1, dtype=torch.long)
    if not len(boxes):
        return owner
    candidates = _candidates(anchors, levels, boxes)  # (objects, K)
    away = _along(anchors[candidates, :2] - boxes[:, None, :2], boxes[:, 4])
    overlaps = _overlaps(away, anchors[candidates, 2:], boxes)
    least = overlaps.mean(1) + overlaps.std(1)
    inside = (away.abs() < boxes[:, None, 2:4] / 2).all(2)
    positive = (overlaps >= least[:, None]) & inside
    # An object that no place fits gets its best candidate: it must be learnt, too.
    lost = ~positive.any(1)
    positive[lost, overlaps[lost].argmax(1)] = True
    best = torch.zeros(len(anchors))
    for number in range(len(boxes)):  # of two objects, the one that overlaps more owns a place
        places, values = candidates[number][positive[number]], overlaps[number][positive[number]]
        better = values > best[places]
        better |= owner[places] < 0
        owner[places[better]] = number
        best[places[better]] = values[better]
    return owner


def _candidates(anchors: Tensor, levels: Sequence[int], boxes: Tensor) -> Tensor:
    found, first = [], 0
    for count in levels:
        middles = anchors[first : first + count, :2]
        nearest = min(NEAREST * _each(middles), count)
        distance = torch.cdist(boxes[:, :2], middles)
        found.append(first + distance.topk(nearest, largest=False).indices)
        first += count
    return torch.cat(found, 1)


def _each(middles: Tensor) -> int:
    """Return the number of anchors of a cell: so many begin with the same middle."""
    return max(1, int((middles == middles[:1]).all(1).sum()))


def _along(offsets: Tensor, angles: Tensor) -> Tensor:
    """Return (objects, K, 2) offsets along the axes of each object."""
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    x, y = offsets[..., 0], offsets[..., 1]
    return torch.stack((x * cos + y * sin, y * cos - x * sin), 2)


def _overlaps(away: Tensor, sizes: Tensor, boxes: Tensor) -> Tensor:
    """Return (objects, K) IoU of each object with its own K anchors, laid along its axes."""
    half, edge = sizes / 2, boxes[:, None, 2:4] / 2
    low, high = torch.maximum(away - half, -edge), torch.minimum(away + half, edge)
    common = (high - low).clamp(min=0).prod(2)
    areas = sizes.prod(2) + boxes[:, 2:4].prod(1)[:, None]
    return common / (areas - common)
