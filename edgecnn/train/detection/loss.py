"""How wrong the places of a detector are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edgecnn.train.landmark_losses import wing_loss
from edgecnn.vision.anchors import MAX_LOG_SIZE

_ROUND = 1e-4
"""Rounds the chord off below half a degree, where its slope would jump."""
FOCUS = 2.0
"""Exponent of the quality focal loss, as in the paper."""


@dataclass(frozen=True)
class Targets:
    """What the places of a batch should say; places of all pictures in one row."""

    positive: Tensor
    """(P,) indices of the places that show an object."""
    classes: Tensor
    """(P,) class of each."""
    boxes: Tensor
    """(P, 5) middle x, y, width, height and angle (radians, 0 for upright boxes) of each."""
    points: Tensor
    """(P, K, 3) x, y of each point and 1 where it is visible, else 0; K = 0 where boxes have
    none."""


@dataclass(frozen=True)
class Losses:
    """Means per object; the loss of a batch is their weighted sum."""

    score: Tensor
    box: Tensor
    angle: Tensor
    points: Tensor
    """Mean per visible point."""


@dataclass(frozen=True)
class Wing:
    """The wing loss of points, in units of their anchors' sides; see `wing_loss`."""

    width: float = 0.1
    curvature: float = 0.02


def detection_loss(
    raw: Tensor, logits: Tensor, anchors: Tensor, targets: Targets, wing: Wing
) -> Losses:
    """Compare predictions with targets.

    Scores are compared by the quality focal loss (Li et al., "Generalized Focal Loss", NeurIPS
    2020): a place that shows an object should give its class the IoU that its box reaches. Boxes
    by 1 - GIoU (Rezatofighi et al., CVPR 2019), taken along the object's own axes, so that turned
    boxes differ by their turn only in the third part: the mean of the chord between the axes, by
    twice the angle, and that between the directions. Each is 2 where they are opposite, and unlike
    1 - cosine does not go flat where the difference is a few degrees. Points that cannot be seen
    are not compared.

    Args:
        raw: (places, 4; 8 with an angle; 4 + 2 K with points), all pictures in one row.
        logits: (places, classes).
        anchors: (places, 4) middle x, y, width, height.
        targets: for the same places.
        wing: how the errors of points count.
    """
    objects = max(1, len(targets.positive))
    wanted = torch.zeros_like(logits)
    zero = raw.sum() * 0
    box, angle, points = zero, zero, zero
    if len(targets.positive):
        chosen = raw[targets.positive].float()
        predicted = decode_boxes(chosen, anchors[targets.positive])
        iou, giou = along_object(predicted, targets.boxes)
        wanted[targets.positive, targets.classes] = iou.detach().clamp(0, 1).to(wanted.dtype)
        box = (1 - giou).sum() / objects
        if targets.points.shape[1]:
            points = _points_loss(chosen[:, 4:], anchors[targets.positive], targets.points, wing)
        elif raw.shape[1] == 8:
            truth = targets.boxes[:, 4]
            chords = _chords(chosen[:, 4:6], truth) + _chords(chosen[:, 6:], 2 * truth)
            angle = chords.sum() / (2 * objects)
    distance = (wanted - logits.sigmoid()).abs() ** FOCUS
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return Losses((distance * entropy).sum() / objects, box, angle, points)


def _points_loss(raw: Tensor, anchors: Tensor, points: Tensor, wing: Wing) -> Tensor:
    """Return the mean wing loss of (P, 2 K) offsets, in units of (P, 4) anchors."""
    wanted = (points[..., :2] - anchors[:, None, :2]) / anchors[:, None, 2:]
    return wing_loss(raw, wanted, points[..., 2], (1, 1), wing.width, wing.curvature)


def _chords(raw: Tensor, angle: Tensor) -> Tensor:
    """Return (N,) chords on the unit circle from (N, 2) predicted to (N,) true angles."""
    apart = functional.normalize(raw, dim=1, eps=1e-4) - torch.stack((angle.cos(), angle.sin()), 1)
    chords: Tensor = ((apart**2).sum(1) + _ROUND).sqrt() - _ROUND**0.5
    return chords


def decode_boxes(raw: Tensor, anchors: Tensor) -> Tensor:
    """Return (N, 4) middle x, y, width, height: `edgecnn.vision.anchors.decode_boxes` in torch."""
    middles = anchors[:, :2] + raw[:, :2] * anchors[:, 2:]
    sizes = anchors[:, 2:] * raw[:, 2:4].clamp(-MAX_LOG_SIZE, MAX_LOG_SIZE).exp()
    return torch.cat((middles, sizes), 1)


def along_object(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) IoU and GIoU of boxes, both laid along the true object's axes.

    Args:
        predicted: (N, 4) middle x, y, width, height.
        truth: (N, 5), with the angle.
    """
    cos, sin = truth[:, 4].cos(), truth[:, 4].sin()
    away = predicted[:, :2] - truth[:, :2]
    x, y = away[:, 0] * cos + away[:, 1] * sin, away[:, 1] * cos - away[:, 0] * sin
    middle, half = torch.stack((x, y), 1), predicted[:, 2:] / 2
    near, far, edge = middle - half, middle + half, truth[:, 2:4] / 2
    common = (torch.minimum(far, edge) - torch.maximum(near, -edge)).clamp(min=0).prod(1)
    union = predicted[:, 2:].prod(1) + truth[:, 2:4].prod(1) - common
    hull = (torch.maximum(far, edge) - torch.minimum(near, -edge)).prod(1)
    iou = common / union
    return iou, iou - (hull - union) / hull
