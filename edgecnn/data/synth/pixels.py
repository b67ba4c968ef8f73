"""Small image arithmetic that the generators share."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def spread(plane: NDArray[np.float32], colour: Sequence[float]) -> NDArray[np.float32]:
    """Return ``plane`` (H, W) times each number of ``colour``, as (H, W, len(colour))."""
    return np.asarray(cv2.merge([plane * np.float32(c) for c in colour]), np.float32)
