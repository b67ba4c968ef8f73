"""What is found of a face, and what is said of its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Of a face, in this order; of the person's own sides, so the right eye is at the left."""
Points = NDArray[np.float32]
"""(5, 2) x, y in pixels of the picture; x = i is the middle of pixel i."""
Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """Where a face is."""

    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the picture, inside it."""
    score: float
    """0..1."""
    points: Points
    """May lie outside the picture."""
    turn: int = 0
    """Degrees by which the picture had to be turned clockwise before anything was found: 0, 90, 180
    or 270. Box and points are those of the picture as it was given."""


@dataclass(frozen=True)
class Quality:
    """How well a picture shows a face, and why it does not do where it does not."""

    eye_distance: float
    """Pixels of the picture between the eyes."""
    inside: float
    """Share of the aligned face that the picture holds, 0..1."""
    sharpness: float
    """See `faces.quality.sharpness_of`."""
    yaw: float
    """Degrees; positive: the person looks to their own left, our right."""
    pitch: float
    """Degrees; positive: looks down."""
    roll: float
    """Degrees; positive: the head is tilted clockwise in the picture."""
    reasons: tuple[str, ...] = ()
    """Why this picture should not be used; () where it should."""

    @property
    def good(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedFace(FoundFace):
    """A face and how well it is shown."""

    quality: Quality


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignedFace(JudgedFace):
    """A face as a network is to see it."""

    aligned: Picture
    """(112, 112, 3) BGR, of `align`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Face(JudgedFace):
    """A face with what a network makes of it."""

    vector: NDArray[np.float32]
    """(D,) of length 1."""
