"""Paints a random rectangle over a picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.options import AugmentOptions


def erase(
    image: NDArray[np.uint8], options: AugmentOptions, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the picture, by chance with a rectangle of one random colour in it.

    Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, with one colour instead of noise;
    its aspect ratio is 0.3..3.3.
    """
    if not options.erase or rng.random() >= options.erase:
        return image
    height, width = image.shape[:2]
    area = rng.uniform(*options.erase_area) * height * width
    aspect = math.exp(rng.uniform(math.log(0.3), math.log(3.3)))
    across = min(width, max(1, round(math.sqrt(area * aspect))))
    down = min(height, max(1, round(math.sqrt(area / aspect))))
    x, y = rng.integers(0, width - across + 1), rng.integers(0, height - down + 1)
    out = image.copy()
    out[y : y + down, x : x + across] = rng.integers(0, 256, image.shape[2:], np.uint8)
    return out
