"""Several looks at one picture, to be averaged at test time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import InputError

VIEWS = (1, 2, 5, 10)
SHARE = 0.875
"""Side of a crop as a share of the picture's: 224 of 256, as Krizhevsky et al. took it."""


def multi_crop(image: NDArray[np.uint8], views: int) -> list[NDArray[np.uint8]]:
    """Return ``views`` looks at a picture.

    Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
    NeurIPS 2012, section 4.1: the four corners and the centre, and the mirror of each.

    Args:
        image: (H, W, 3) or (H, W) uint8.
        views: 1: the picture; 2: with its mirror; 5: centre and corners; 10: with their mirrors.

    Raises:
        InputError: another number of views.
    """
    if views not in VIEWS:
        raise InputError(f"expected {', '.join(map(str, VIEWS))} views, got {views}")
    looks = [image] if views in (1, 2) else _five(image)
    mirrored = [look[:, ::-1] for look in looks] if views in (2, 10) else []
    return [np.ascontiguousarray(look) for look in (*looks, *mirrored)]


def _five(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    height, width = image.shape[:2]
    h, w = max(1, round(height * SHARE)), max(1, round(width * SHARE))
    corners = [(0, 0), (0, width - w), (height - h, 0), (height - h, width - w)]
    places = [((height - h) // 2, (width - w) // 2), *corners]
    return [image[y : y + h, x : x + w] for y, x in places]
