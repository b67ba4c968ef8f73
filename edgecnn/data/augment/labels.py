"""Carries boxes and landmarks to where their pixels went."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.geometry import Geometry, Matrix
from edgecnn.errors import DataError

STEPS_WARPED = 8
"""Points per edge of a box whose edges bend."""


def move_boxes(
    boxes: NDArray[np.float32], geometry: Geometry, min_visible: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Map boxes: the upright rectangle around the moved outline, cut at the picture's edge.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        geometry: where the pixels went.
        min_visible: least share of the moved rectangle that must lie inside the picture, 0..1.

    Returns:
        The (M, 4) boxes that are left, and (N,) which ones those are.
    """
    if not len(boxes):
        return boxes, np.zeros(0, np.bool_)
    outline = _outline(1 if geometry.warp is None else STEPS_WARPED)
    corner, sides = boxes[:, None, :2].astype(np.float64), boxes[:, None, 2:] - boxes[:, None, :2]
    points = geometry.map_points((corner + sides * outline).reshape(-1, 2))
    return _cut(points.reshape(len(boxes), -1, 2), geometry, min_visible)


def move_quads(
    quads: NDArray[np.float32], geometry: Geometry, min_visible: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Map corners; in a mirrored picture left and right change places, to stay clockwise.

    Args:
        quads: (N, 4, 2).
        geometry: where the pixels went.
        min_visible: as for `move_boxes`, of the upright box around a quad.

    Returns:
        The (M, 4, 2) quads that are left, whole even where the picture's edge cuts them, the
        (M, 4) upright boxes around them inside the picture, and (N,) which ones those are.
    """
    if not len(quads):
        return quads, np.zeros((0, 4), np.float32), np.zeros(0, np.bool_)
    moved = geometry.map_points(quads.reshape(-1, 2).astype(np.float64)).reshape(-1, 4, 2)
    if geometry.mirrored:
        moved = moved[:, (1, 0, 3, 2)]
    boxes, kept = _cut(moved, geometry, min_visible)
    return moved[kept].astype(np.float32), boxes, kept


def _cut(
    points: Matrix, geometry: Geometry, min_visible: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the upright boxes around (N, P, 2) outlines, cut, and which of them are kept."""
    moved = np.concatenate((points.min(1), points.max(1)), axis=1)
    height, width = geometry.size
    inside = np.clip(moved, 0, (width, height, width, height))
    visible, whole = _area(inside), _area(moved)
    kept = (visible > 0) & (visible >= min_visible * whole)
    return inside[kept].astype(np.float32), kept


def move_landmarks(
    landmarks: NDArray[np.float32], geometry: Geometry, pairs: tuple[tuple[int, int], ...]
) -> NDArray[np.float32]:
    """Map landmarks; those that leave the picture become invisible.

    Args:
        landmarks: (K, 3) x, y, visible, or (N, K, 3) of N things; x = i is the middle of pixel i.
        geometry: where the pixels went.
        pairs: landmarks that trade places when the picture is mirrored.

    Raises:
        DataError: a pair names a landmark that is not there.
    """
    if not landmarks.size:
        return landmarks
    flat = landmarks.reshape(-1, 3)
    points = geometry.map_points(flat[:, :2].astype(np.float64) + 0.5)
    height, width = geometry.size
    inside = ((points >= 0) & (points < (width, height))).all(1)
    moved = np.column_stack((points - 0.5, flat[:, 2] * inside)).astype(np.float32)
    out, count = moved.reshape(landmarks.shape), landmarks.shape[-2]
    highest = max((max(pair) for pair in pairs), default=0)
    if highest >= count:
        raise DataError(f"mirror_pairs names landmark {highest}, the picture has 0..{count - 1}")
    if geometry.mirrored and pairs:
        left, right = np.array(pairs).T
        ours, theirs = np.concatenate((left, right)), np.concatenate((right, left))
        out[..., ours, :] = out[..., theirs, :]
    return out


def _outline(steps: int) -> Matrix:
    """Return (4 * steps, 2) points around the unit square."""
    along = np.arange(steps) / steps
    zero, one = np.zeros(steps), np.ones(steps)
    return np.column_stack(
        (
            np.concatenate((along, one, 1 - along, zero)),
            np.concatenate((zero, along, one, 1 - along)),
        )
    )


def _area(boxes: Matrix) -> Matrix:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(sides[:, 0] * sides[:, 1])
