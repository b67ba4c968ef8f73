"""Lays a heat map over a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import InputError


def colour_heat(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (H, W, 3) BGR for (H, W) in 0..1: dark blue for 0 to red for 1 (Turbo)."""
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), np.uint8)


def overlay(
    image: NDArray[np.uint8], heat: NDArray[np.float32], alpha: float = 0.5
) -> NDArray[np.uint8]:
    """Lay a heat map over a picture.

    Args:
        image: (H, W, 3) BGR or (H, W) grey, any size.
        heat: (h, w) in 0..1, over the whole picture; it is stretched to its size.
        alpha: share of the heat map in the result, 0..1.

    Returns:
        (H, W, 3) BGR.

    Raises:
        InputError: alpha outside 0..1.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"expected alpha within 0..1, got {alpha}")
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
    height, width = image.shape[:2]
    stretched = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    heated = colour_heat(np.asarray(stretched, np.float32))
    return np.asarray(cv2.addWeighted(heated, alpha, colour, 1 - alpha, 0), np.uint8)
