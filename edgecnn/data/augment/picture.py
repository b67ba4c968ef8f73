"""A picture in memory with what is known of it: what goes into `augment` and comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """Pixels, boxes and landmarks that move together.

    Raises:
        DataError: an array has another shape, or the picture is not uint8.
    """

    image: NDArray[np.uint8]
    """(H, W, 3) BGR or (H, W) grey."""
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(N, 4) x1, y1, x2, y2 in pixels; pixel i reaches from i to i + 1."""
    box_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(N,) indices into the dataset's classes."""
    landmarks: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """(K, 3) x, y and 1 where visible, else 0; x = i is the middle of pixel i."""
    quads: NDArray[np.float32] | None = None
    """(N, 4, 2) corners of the same boxes where they lie at an angle, see `Sample.quads`."""
    box_points: NDArray[np.float32] | None = None
    """(N, K, 3) points of each box, as `landmarks`."""

    def __post_init__(self) -> None:
        image, boxes, points = self.image, self.boxes, self.landmarks
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
            raise DataError(
                f"expected a picture as uint8 (H, W, 3) or (H, W), got {image.dtype} {image.shape}"
            )
        if image.ndim == 3 and image.shape[2] != 3:
            raise DataError(f"expected 3 colour channels, got {image.shape[2]}")
        if self.quads is not None and self.quads.shape != (len(boxes), 4, 2):
            raise DataError(f"expected quads ({len(boxes)}, 4, 2), got {self.quads.shape}")
        marks = self.box_points
        if marks is not None and marks.shape != (len(boxes), *marks.shape[1:2], 3):
            raise DataError(f"expected box_points ({len(boxes)}, K, 3), got {marks.shape}")
        if boxes.shape != (len(self.box_labels), 4) or points.shape != (len(points), 3):
            raise DataError(
                f"expected boxes (N, 4), box_labels (N,) and landmarks (K, 3), got {boxes.shape}, "
                f"{self.box_labels.shape} and {points.shape}"
            )
