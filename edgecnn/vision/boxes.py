"""Upright boxes: conversions, clipping and overlaps.

A box is x1, y1, x2, y2 in pixels; pixel i reaches from i to i + 1, so the far edges are exclusive
and a width is x2 - x1. A box with a negative side has no area and overlaps nothing; what is not a
number stays so, and compares as no overlap.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Boxes: TypeAlias = NDArray[np.float32]
"""(N, 4) x1, y1, x2, y2."""


def to_centres(boxes: Boxes) -> NDArray[np.float32]:
    """Return (N, 4) x and y of the middle, width, height."""
    near, far = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((near + far) / 2, far - near), axis=1)


def from_centres(centres: NDArray[np.float32]) -> Boxes:
    """Undo `to_centres`."""
    half = centres[:, 2:] / 2
    return np.concatenate((centres[:, :2] - half, centres[:, :2] + half), axis=1)


def to_sides(boxes: Boxes) -> NDArray[np.float32]:
    """Return (N, 4) x1, y1, width, height, as COCO and OpenCV write them."""
    return np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)


def from_sides(sides: NDArray[np.float32]) -> Boxes:
    """Undo `to_sides`."""
    return np.concatenate((sides[:, :2], sides[:, :2] + sides[:, 2:]), axis=1)


def clip_boxes(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Cut boxes at the edges of a picture; what lies outside keeps no area.

    Args:
        boxes: (N, 4).
        size: width and height of the picture.
    """
    return np.clip(boxes, 0, np.array((*size, *size), boxes.dtype))


def box_areas(boxes: Boxes) -> NDArray[np.float32]:
    """Return (N,) areas in square pixels, never below 0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], boxes.dtype)


def iou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return (N, M) intersection over union, 0..1; 0 where neither has an area.

    Args:
        a: (N, 4).
        b: (M, 4).
    """
    common, union = _overlap(a, b)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def giou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return (N, M) generalized intersection over union, -1..1.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019: IoU less the share of the
    smallest enclosing box that neither covers.
    """
    common, union = _overlap(a, b)
    iou = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    near = np.minimum(a[:, None, :2], b[None, :, :2])
    far = np.maximum(a[:, None, 2:], b[None, :, 2:])
    hull = np.maximum(far - near, 0).prod(2)
    empty = np.divide(hull - union, hull, out=np.zeros_like(hull), where=hull > 0)
    return np.asarray(iou - empty, common.dtype)


def _overlap(a: Boxes, b: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (N, M) areas of intersection and of union."""
    near = np.maximum(a[:, None, :2], b[None, :, :2])
    far = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.nan_to_num(np.maximum(far - near, 0).prod(2), posinf=0)
    union = box_areas(a)[:, None] + box_areas(b)[None] - common
    return common, union
