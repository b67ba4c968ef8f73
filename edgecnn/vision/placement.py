"""Where a picture lies in a network's input, and the way back from there to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec

PADDING = 114
"""Grey level of what a picture does not cover."""

Size: TypeAlias = tuple[int, int]
"""Width and height, pixels."""


def size_of(image: NDArray[np.uint8]) -> Size:
    """Return width and height of (H, W, ...)."""
    return image.shape[1], image.shape[0]


@dataclass(frozen=True)
class Placement:
    """A picture at the top left of an input, scaled."""

    picture: Size
    shown: Size
    """The picture's part of the input."""
    size: Size
    """The input."""

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the input per pixel of the picture, across and down."""
        return self.shown[0] / self.picture[0], self.shown[1] / self.picture[1]

    def to_input(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (..., 2) x, y of the picture; boxes (..., 4) are two points."""
        return self._scaled(points, np.asarray(self.scale))

    def to_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (..., 2) x, y of the input; boxes (..., 4) are two points."""
        return self._scaled(points, 1 / np.asarray(self.scale))

    @staticmethod
    def _scaled(points: NDArray[np.float32], scale: NDArray[np.float64]) -> NDArray[np.float32]:
        pairs = points.reshape(*points.shape[:-1], points.shape[-1] // 2, 2) * scale
        return np.asarray(pairs.reshape(points.shape), np.float32)


def placement(picture: Size, spec: InputSpec) -> Placement:
    """Return where a picture of this size lies in the input of a spec."""
    width, height = picture
    given = (spec.width, spec.height)
    if spec.resize == "stretch":
        return Placement(picture, given, given)
    if spec.resize == "none":
        return Placement(picture, picture, (max(width, given[0]), max(height, given[1])))
    scale = min(given[0] / width, given[1] / height)
    shown = (
        min(given[0], max(1, round(width * scale))),
        min(given[1], max(1, round(height * scale))),
    )
    return Placement(picture, shown, given)
