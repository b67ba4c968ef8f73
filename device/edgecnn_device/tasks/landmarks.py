"""The `landmarks` task on the device: outputs to named points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.vision.placement import Size, placement
from edgecnn.vision.points import decode_points, to_pixels


@dataclass(frozen=True)
class Point:
    """A named place in a picture."""

    name: str
    x: float
    """Pixels; x = i is the middle of pixel i. May lie outside the picture."""
    y: float
    score: float
    """Probability that the point can be seen, 0..1; below 0.5 its place is a guess."""


@dataclass(frozen=True)
class Landmarks:
    """All points of the thing that a picture shows, in the order of the manifest."""

    points: tuple[Point, ...]

    @property
    def decision(self) -> str:
        """What a replay must find again: which points can be seen; it compares their numbers."""
        return " ".join(point.name for point in self.points if point.score >= 0.5)


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[Landmarks, ...]:
    """Return the points in a picture of this size."""
    rules = manifest.decode
    assert isinstance(rules, PointsDecode)
    found = decode_points(outputs, rules)
    places = to_pixels(found.places[0], placement(size, manifest.input))
    rows = zip(rules.names, places.tolist(), found.visibility[0].tolist(), strict=True)
    return (Landmarks(tuple(Point(name, x, y, score) for name, (x, y), score in rows)),)
