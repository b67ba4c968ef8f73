"""Boxes at any angle: as a middle, two sides and a turn, and as four corners.

An oriented box is cx, cy, width, height, angle: width and height along the object's own axes, and
the angle by which the object is turned, in radians, clockwise as one sees it (y points down). At
angle 0 its top edge is level and its own top-left corner is at the top left. A quad is its four
corners, from the object's own top-left one clockwise.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.boxes import Boxes

Oriented: TypeAlias = NDArray[np.float32]
"""(N, 5) cx, cy, width, height, angle."""
Quads: TypeAlias = NDArray[np.float32]
"""(N, 4, 2) x, y."""

_Columns: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x and y of the corners of many quads, (4, P) each: long rows make numpy quick."""

_CHUNK = 1024
"""Pairs that are compared at once, for the memory's sake: about 2 MB."""
_NEXT = [1, 2, 3, 0]
_CORNERS = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)), np.float32) / 2


def to_quads(oriented: Oriented) -> Quads:
    """Return the corners of oriented boxes."""
    angle = oriented[:, 4]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack((np.stack((cos, -sin), 1), np.stack((sin, cos), 1)), 1)  # (N, 2, 2)
    corners = _CORNERS * oriented[:, None, 2:4]
    return np.asarray(corners @ turn.transpose(0, 2, 1) + oriented[:, None, :2], np.float32)


def from_quads(quads: Quads) -> Oriented:
    """Return the rectangle nearest to each quad: mean sides, about the same middle.

    For a rectangle this undoes `to_quads`; the angle is in -pi..pi.
    """
    points = quads.astype(np.float64)
    across = (points[:, 1] - points[:, 0] + points[:, 2] - points[:, 3]) / 2
    down = (points[:, 3] - points[:, 0] + points[:, 2] - points[:, 1]) / 2
    # The bisector of both axes' directions; the lower one is turned back by a right angle.
    direction = across + np.stack((down[:, 1], -down[:, 0]), 1)
    angle = np.arctan2(direction[:, 1], direction[:, 0])
    sides = np.hypot(across[:, 0], across[:, 1]), np.hypot(down[:, 0], down[:, 1])
    return np.column_stack((points.mean(1), *sides, angle)).astype(np.float32)


def box_quads(boxes: Boxes) -> Quads:
    """Return upright boxes as quads."""
    x1, y1, x2, y2 = boxes.T
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    return np.stack([np.stack(c, 1) for c in corners], 1)


def hulls(quads: Quads) -> Boxes:
    """Return the smallest upright box around each quad."""
    return np.concatenate((quads.min(1), quads.max(1)), axis=1).astype(np.float32)


def quad_areas(quads: Quads) -> NDArray[np.float64]:
    """Return (N,) areas in square pixels, never below 0, whichever way round the corners go."""
    return np.asarray(np.abs(_signed_area(*_columns(quads))))


def quad_iou_matrix(a: Quads, b: Quads) -> NDArray[np.float32]:
    """Return (N, M) intersection over union, 0..1; see `quad_ious`.

    Args:
        a: (N, 4, 2).
        b: (M, 4, 2).
    """
    out = np.zeros((len(a), len(b)), np.float32)
    i, j = touching(hulls(a), hulls(b))
    out[i, j] = quad_ious(a[i], b[j])
    return out


def touching(a: Boxes, b: Boxes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs (index into a, index into b) of upright boxes that share an area."""
    x1, y1, x2, y2 = np.ascontiguousarray(a.T)[..., None]
    left, top, right, bottom = np.ascontiguousarray(b.T)
    near = x1 < right
    near &= left < x2
    near &= y1 < bottom
    near &= top < y2
    places = np.flatnonzero(near)
    return places // max(1, len(b)), places % max(1, len(b))


def quad_ious(a: Quads, b: Quads) -> NDArray[np.float32]:
    """Return (P,) intersection over union of each quad of one row with its partner, 0..1.

    By Green's theorem the common area is an integral along its border, and that is what of each
    quad's edges lies inside the other; so all pairs go at once. OpenCV's intersectConvexConvex is
    now and then wrong where edges nearly coincide, as those of neighbours on a grid do:
    tests/bench/quad_overlaps.py counts it.

    Args:
        a: (P, 4, 2), convex, either way round.
        b: (P, 4, 2), likewise.

    Returns:
        0 where one has no area or a corner is not finite; of quads that are not convex, some
        number of 0..1.
    """
    parts = [_ious(a[k : k + _CHUNK], b[k : k + _CHUNK]) for k in range(0, len(a), _CHUNK)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _ious(a: Quads, b: Quads) -> NDArray[np.float32]:
    finite = np.asarray((np.isfinite(a) & np.isfinite(b)).all((1, 2)))
    first, second = (_clockwise(np.where(finite[:, None, None], x, 0)) for x in (a, b))
    origin = second[0][0], second[1][0]
    # An edge that both have counts once.
    border = _inside(first, second, origin, shared=True)
    border += _inside(second, first, origin, shared=False)
    areas = _signed_area(*first), _signed_area(*second)
    common = np.clip(border, 0, np.minimum(*areas))
    union = areas[0] + areas[1] - common
    ious = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    return np.asarray(ious, np.float32)


def _columns(quads: Quads) -> _Columns:
    x, y = np.ascontiguousarray(quads.transpose(2, 1, 0), np.float64)
    return x, y


def _clockwise(quads: Quads) -> _Columns:
    x, y = _columns(quads)
    backwards = _signed_area(x, y) < 0
    return np.where(backwards, x[::-1], x), np.where(backwards, y[::-1], y)


def _signed_area(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((x[2] - x[0]) * (y[3] - y[1]) - (x[3] - x[1]) * (y[2] - y[0])) / 2)


def _inside(
    a: _Columns, b: _Columns, origin: tuple[NDArray[np.float64], NDArray[np.float64]], shared: bool
) -> NDArray[np.float64]:
    """Return (P,) the integral along the edges of ``a`` inside ``b``, clipped as by Cyrus and Beck.

    Args:
        a: clockwise.
        b: clockwise.
        origin: x and y, (P,), to integrate about.
        shared: whether an edge that runs along one of ``b``, the same way, is inside.
    """
    (x, y), (along_x, along_y), (side_x, side_y) = a, _edges(a), _edges(b)
    # How far each corner of a is inside each edge of b, (corner, edge, P). Coordinates are float32
    # and this is float64, so its sign is right but for the last bit, and that is what matters.
    begin = side_x * (y[:, None] - b[1]) - side_y * (x[:, None] - b[0])
    end = begin[_NEXT]
    at = np.divide(begin, begin - end, out=np.zeros_like(begin), where=(begin < 0) != (end < 0))
    enter = np.where(begin < 0, np.where(end > 0, at, 1), 0)
    leave = np.where(end < 0, np.where(begin > 0, at, 0), 1)
    on_line = (begin == 0) & (end == 0)
    if on_line.any():
        same_way = along_x[:, None] * side_x + along_y[:, None] * side_y
        leave[on_line & ((same_way < 0) if shared else (same_way != 0))] = 0
    start = enter.max(1)
    inside = np.maximum(leave.min(1) - start, 0)
    turned = (x - origin[0]) * along_y - (y - origin[1]) * along_x
    return np.asarray((inside * turned).sum(0) / 2)


def _edges(corners: _Columns) -> _Columns:
    return corners[0][_NEXT] - corners[0], corners[1][_NEXT] - corners[1]
