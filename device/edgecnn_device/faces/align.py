"""Brings a face upright to the place where embedders expect it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn_device.faces.results import Picture, Points

SIDE = 112
"""Pixels of an aligned face."""
TEMPLATE = np.array(
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
     (70.7299, 92.2041)), np.float32,
)  # fmt: skip
"""Where the five points of an aligned face are (Deng et al., "ArcFace", CVPR 2019, their code)."""
_MOST = 16
"""A face that is still larger is sampled with gaps."""


def similarity(points: Points) -> NDArray[np.float64]:
    """Return the (2, 3) turn, scale and shift that takes five points nearest to the template.

    Least squares (Umeyama, PAMI 1991), without mirroring. Points that are all at one place give a
    matrix of zeros and a shift.
    """
    seen = points[:, 0].astype(np.complex128) + 1j * points[:, 1]
    wanted = TEMPLATE[:, 0].astype(np.complex128) + 1j * TEMPLATE[:, 1]
    seen_middle, wanted_middle = seen.mean(), wanted.mean()
    about = seen - seen_middle
    spread = float((np.abs(about) ** 2).sum())
    factor = (about.conj() * (wanted - wanted_middle)).sum() / max(spread, 1e-12)
    shift = wanted_middle - factor * seen_middle
    return np.array(
        ((factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag))
    )


def align(picture: Picture, points: Points) -> Picture:
    """Cut a face out, upright and at the template's place.

    A face much larger than the template is sampled finely first and then averaged: sampling it
    with gaps would alias.

    Args:
        picture: (H, W, 3) BGR.
        points: (5, 2) of the face.

    Returns:
        (112, 112, 3) BGR; black where the picture ends.
    """
    matrix = similarity(points)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    finer = min(max(round(1 / max(scale, 1e-6)), 1), _MOST)
    # Pixel i reaches from i - 0.5 to i + 0.5, and so do the `finer` pixels in its place.
    matrix = finer * matrix
    matrix[:, 2] += (finer - 1) / 2
    side = SIDE * finer
    crop = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR)
    if finer > 1:
        crop = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)


def share_inside(points: Points, size: tuple[int, int]) -> float:
    """Return how much of the aligned face lies in a picture of this width and height, 0..1."""
    matrix = similarity(points)
    turn = matrix[:, :2]
    if not np.abs(turn).max() > 1e-9:
        return 0.0
    steps = (np.arange(16) + 0.5) * SIDE / 16 - 0.5
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    places = (grid - matrix[:, 2]) @ np.linalg.inv(turn).T
    inside = ((places >= -0.5) & (places < np.array(size) - 0.5)).all(1)
    return float(inside.mean())
