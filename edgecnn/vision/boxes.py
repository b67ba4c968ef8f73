"""Upright boxes: conversions, clipping and overlaps.

A box is x1, y1, x2, y2 in pixels; pixel i reaches from i to i + 1, so the far edges are exclusive
and a width is x2 - x1. A box with a side of 0 or less has no area and overlaps nothing. A box that
is not finite stays so through conversions, and overlaps nothing. No boxes, (0, 4), give none.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Boxes: TypeAlias = NDArray[np.float32]
"""(N, 4) x1, y1, x2, y2."""
_Columns: TypeAlias = NDArray[np.float64]


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
    """Return (N,) areas in square pixels, never below 0; inf or NaN of what is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
        return np.asarray(sides[:, 0] * sides[:, 1], boxes.dtype)


def iou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return (N, M) intersection over union, 0..1; 0 where one has no area or is not finite.

    Args:
        a: (N, 4).
        b: (M, 4).
    """
    return box_ious(a[:, None], b[None])


def box_ious(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return the intersection over union of each box with its partner, as `iou_matrix` does.

    Args:
        a: (..., 4).
        b: (..., 4), of leading axes that fit those of ``a`` as numpy broadcasts.
    """
    first, second, _ = _finite(a, b)
    common, union = _overlap(first, second)
    ious = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    return np.asarray(ious, np.float32)


def giou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return (N, M) generalized intersection over union, -1..1; -1 where one is not finite.

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019: IoU less the share of the
    smallest enclosing box that neither covers; 0 where not even that has an area.

    Args:
        a: (N, 4).
        b: (M, 4).
    """
    first, second, finite = _finite(a[:, None], b[None])
    common, union = _overlap(first, second)
    near = np.minimum(first[:2], second[:2])
    hull = _area(np.maximum(first[2:], second[2:]) - near)
    iou = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    empty = np.divide(hull - union, hull, out=np.zeros_like(hull), where=hull > 0)
    return np.asarray(np.where(finite, iou - empty, -1), np.float32)


def _finite(a: Boxes, b: Boxes) -> tuple[_Columns, _Columns, NDArray[np.bool_]]:
    """Return the numbers of all boxes, (4, ...), empty boxes where one is not finite, and where.

    In float64, which no float32 box overflows; numbers apart make numpy quick.
    """
    whole = [np.asarray(np.isfinite(x).all(-1)) for x in (a, b)]
    first, second = (
        np.ascontiguousarray(np.moveaxis(np.where(ok[..., None], x, 0), -1, 0), np.float64)
        for x, ok in zip((a, b), whole, strict=True)
    )
    return first, second, np.asarray(whole[0] & whole[1])


def _overlap(a: _Columns, b: _Columns) -> tuple[_Columns, _Columns]:
    """Return areas of intersection and of union."""
    common = _area(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    return common, _area(a[2:] - a[:2]) + _area(b[2:] - b[:2]) - common


def _area(sides: _Columns) -> _Columns:
    return np.asarray(np.maximum(sides[0], 0) * np.maximum(sides[1], 0))
