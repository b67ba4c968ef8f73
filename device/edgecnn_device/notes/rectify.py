"""Cuts what a quad frames out of a picture, upright."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.vision.placement import Size, size_of

MAX_SIDE = 4096
"""Pixels: a larger crop is shrunk as a whole, however far its quad reaches beyond the picture."""
LEAST_AREA = 1.0
"""Square pixels of a quad that shows anything."""
_ROUND = 3
"""Pixels around a quad that interpolation at its edges may look at."""


def rectify(
    image: NDArray[np.uint8], quad: NDArray[np.float32], enough: Size | None = None
) -> NDArray[np.uint8]:
    """Look at a quad from straight above.

    Args:
        image: (H, W, 3) BGR.
        quad: (4, 2) x, y in pixels of the picture, from the thing's own top-left corner clockwise.
            What of it lies outside the picture shows the picture's edge.
        enough: width and height that suffice for what comes after. A quad that is larger both ways
            is shrunk until one side is down to that, each pixel the mean of what it covers.

    Returns:
        (h, w, 3), contiguous: as wide as the longer of the quad's top and bottom, as high as the
        longer of its sides, never enlarged and at most `MAX_SIDE` each way.

    Raises:
        DataError: the quad is not a convex one with its corners clockwise, or not in the picture.
    """
    corners = _checked(quad, size_of(image))
    sides = _size(corners)
    shrink = max(1.0, max(sides) / MAX_SIDE)
    if enough is not None:
        shrink = max(shrink, min(sides[0] / enough[0], sides[1] / enough[1]))
    near, corners = _surroundings(image, corners, shrink)
    width, height = (max(1, round(side / shrink)) for side in sides)
    target = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
    # Corners lie between pixels, where OpenCV counts from the middle of the first one.
    matrix = cv2.getPerspectiveTransform((target - 0.5), (corners - 0.5).astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(
        near, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, np.uint8)


def is_framed(quad: NDArray[np.float32], size: Size) -> bool:
    """Tell whether `rectify` takes a quad.

    Args:
        quad: (4, 2).
        size: width and height of the picture.
    """
    if quad.shape != (4, 2) or not np.isfinite(quad).all():
        return False
    corners = quad.astype(np.float64)
    edges = np.roll(corners, -1, 0) - corners
    after = np.roll(edges, -1, 0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    # Of a convex quad, opposite turns add up to twice its area.
    convex = turns.min() > 0 and turns[0] + turns[2] >= 2 * LEAST_AREA
    return bool(convex and (corners.max(0) > 0).all() and (corners.min(0) < size).all())


def _checked(quad: NDArray[np.float32], size: Size) -> NDArray[np.float64]:
    if not is_framed(quad, size):
        raise DataError(
            "expected the 4 corners of a convex quad, clockwise and not all outside the picture of "
            f"{size[0]} x {size[1]}, got {np.round(quad, 1).tolist()}"
        )
    return quad.astype(np.float64)


def _size(corners: NDArray[np.float64]) -> tuple[float, float]:
    edges = np.roll(corners, -1, 0) - corners
    top, right, bottom, left = np.hypot(edges[:, 0], edges[:, 1]).tolist()
    return max(top, bottom), max(left, right)


def _surroundings(
    image: NDArray[np.uint8], corners: NDArray[np.float64], shrink: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the part of a picture around a quad, shrunk, and the quad's corners in it."""
    margin = np.ceil(_ROUND * shrink)
    near = np.maximum(np.floor(corners.min(0) - margin), 0).astype(int)
    far = np.minimum(np.ceil(corners.max(0) + margin), size_of(image)).astype(int)
    part = image[near[1] : far[1], near[0] : far[0]]
    corners = corners - near
    if shrink == 1:
        return part, corners
    before = np.array(size_of(part))
    after = np.maximum(np.round(before / shrink), 1).astype(int)
    smaller = cv2.resize(part, (int(after[0]), int(after[1])), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8), corners * after / before
