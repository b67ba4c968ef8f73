"""Boxes at any angle: as a middle, two sides and a turn, and as four corners.

An oriented box is cx, cy, width, height, angle: width and height along the object's own axes, and
the angle by which the object is turned, in radians, clockwise as one sees it (y points down). At
angle 0 its top edge is level and its own top-left corner is at the top left. A quad is its four
corners, from the object's own top-left one clockwise.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.boxes import Boxes

Oriented: TypeAlias = NDArray[np.float32]
"""(N, 5) cx, cy, width, height, angle."""
Quads: TypeAlias = NDArray[np.float32]
"""(N, 4, 2) x, y."""

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


def quad_iou_matrix(a: Quads, b: Quads) -> NDArray[np.float32]:
    """Return (N, M) intersection over union of convex quads, 0..1."""
    out = np.zeros((len(a), len(b)), np.float32)
    first, second = hulls(a), hulls(b)
    areas = [[cv2.contourArea(q) for q in quads.astype(np.float32)] for quads in (a, b)]
    near = (first[:, None, :2] < second[None, :, 2:]).all(2)
    far = (second[None, :, :2] < first[:, None, 2:]).all(2)
    for i, j in zip(*np.nonzero(near & far), strict=True):
        common, _ = cv2.intersectConvexConvex(a[i].astype(np.float32), b[j].astype(np.float32))
        union = areas[0][i] + areas[1][j] - common
        out[i, j] = common / union if union > 0 else 0
    return out
