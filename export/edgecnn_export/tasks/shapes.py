"""Golden pictures of networks that take any picture: real ones may not be ours to pass on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.shapes import CLASSES, draw_shape

GOLDEN_SEED = 20_000


def golden_shapes(count: int) -> tuple[NDArray[np.uint8], ...]:
    """Draw generated shapes, (H, W, 3) BGR."""
    return tuple(
        draw_shape(CLASSES[i % len(CLASSES)], np.random.default_rng((GOLDEN_SEED, i)))
        for i in range(count)
    )
