"""Moves the pixels: one interpolation, and averaging before it where the picture shrinks.

A region of whole pixels, mirrored or not, is resized as `edgecnn.vision.preprocess` does it: by
area where it shrinks, else linearly. Everything else is one bilinear warp; where that would shrink
the picture by more than 1.2 along one of its axes, the picture is first averaged by area to the
output's scale, since bilinear reads four pixels and would skip the others.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.geometry import Geometry, Matrix, Region

Image = NDArray[np.uint8]
GREY = 128


def move_pixels(image: Image, geometry: Geometry, border: str) -> Image:
    """Return the picture in its new geometry.

    Args:
        image: (H, W, 3) or (H, W).
        geometry: where the pixels go.
        border: ``reflect`` or ``grey``.
    """
    region = _whole_region(geometry, image.shape[:2]) if geometry.warp is None else None
    if region is not None:
        return _resize_region(image, region, geometry)
    averaged, matrix = _average(image, geometry.matrix)
    mode = cv2.BORDER_REFLECT_101 if border == "reflect" else cv2.BORDER_CONSTANT
    fill = (GREY, GREY, GREY)
    height, width = geometry.size
    inverse = np.asarray(np.linalg.inv(matrix), np.float64)
    if geometry.warp is not None:
        xs, ys = geometry.warp.source_maps(inverse)
        out = cv2.remap(averaged, xs, ys, cv2.INTER_LINEAR, borderMode=mode, borderValue=fill)
    else:
        centred = inverse[:2].copy()  # OpenCV counts from the middle of the first pixel
        centred[:, 2] += centred[:, :2] @ (0.5, 0.5) - 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        out = cv2.warpAffine(
            averaged, centred, (width, height), flags=flags, borderMode=mode, borderValue=fill
        )
    return np.asarray(out, np.uint8)


def _whole_region(geometry: Geometry, shape: tuple[int, ...]) -> Region | None:
    """Return x1, y1, x2, y2 where the output shows just that much of the picture, upright."""
    if geometry.matrix[0, 1] or geometry.matrix[1, 0] or geometry.matrix[1, 1] < 0:
        return None
    ends = np.array(((0, 0, 1), (geometry.size[1], geometry.size[0], 1)), np.float64)
    corners = (ends @ np.linalg.inv(geometry.matrix).T)[:, :2]
    whole = np.rint(corners)
    low, high = whole.min(0), whole.max(0)
    if np.abs(corners - whole).max() > 1e-6 or low.min() < 0 or (high > shape[1::-1]).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _resize_region(image: Image, region: Region, geometry: Geometry) -> Image:
    x1, y1, x2, y2 = region
    height, width = geometry.size
    part = image[y1:y2, x1:x2]
    if part.shape[:2] != (height, width):
        shrinks = width < x2 - x1 or height < y2 - y1
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        part = np.asarray(cv2.resize(part, (width, height), interpolation=method), np.uint8)
    return np.ascontiguousarray(part[:, ::-1] if geometry.mirrored else part)


def _average(image: Image, matrix: Matrix) -> tuple[Image, Matrix]:
    """Shrink by area along each axis to the output's scale; return the matrix for what is left."""
    scale = np.linalg.norm(matrix[:2, :2], axis=0)  # output pixels per pixel, along x and y
    scale = np.where(scale * 1.2 < 1, scale, 1.0)
    old = np.array(image.shape[1::-1])
    new = np.maximum(1, np.rint(old * scale)).astype(int)
    if (new == old).all():
        return image, matrix
    small = cv2.resize(image, (int(new[0]), int(new[1])), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), matrix @ np.diag((*(old / new), 1.0))
