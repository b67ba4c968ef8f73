"""One picture of a camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A picture with the moment it was taken."""

    camera: str
    """Name of the camera in the configuration."""
    index: int
    """Counts what this camera gave since the daemon's start, from 0, lost ones included."""
    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright. Shared between stages: nobody writes into it."""
    captured: float
    """When it was taken: seconds of `time.monotonic`."""
