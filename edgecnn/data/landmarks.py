"""What every user of pictures with landmarks needs: those that can be used, and what is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.check import readable
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError
from edgecnn.vision.placement import size_of

_SIDES = ("left", "right")

Normalizer = tuple[int, int] | None
"""Two points whose distance errors are measured in; None: the picture's diagonal."""


@dataclass(frozen=True, eq=False)
class PointTruth:
    """Where the points of N pictures are."""

    sizes: NDArray[np.int64]
    """(N, 2) width and height of the pictures, pixels."""
    places: NDArray[np.float32]
    """(N, K, 2) x, y in pixels."""
    visible: NDArray[np.bool_]
    """(N, K); where False the place means nothing."""
    scale: NDArray[np.float64]
    """(N,) pixels that errors are measured in; NaN where a point of the normalizer is not seen."""

    def take(self, which: NDArray[np.int64]) -> PointTruth:
        """Return some of the pictures."""
        return PointTruth(
            self.sizes[which], self.places[which], self.visible[which], self.scale[which]
        )


def with_landmarks(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return the samples that can be read and have every point, and the faults of the others.

    A set that does not name its points gets the names point0, point1, ...

    Raises:
        DataError: with ``strict``, any fault; or nothing is left.
    """
    found, unreadable = readable(dataset)
    # Of a set without names the first sample says how many there are.
    count = len(dataset.points) or max((len(s.landmarks) for s in found.samples), default=0)
    if not count:
        raise DataError(f"{dataset.name}: expected pictures with landmarks, got none")
    kept = tuple(s for s in found.samples if _whole(s, count))
    faults = (*dataset.faults, *unreadable)
    faults += tuple(_fault(s, count) for s in found.samples if not _whole(s, count))
    if faults and strict:
        raise DataError(
            f"{dataset.name}: {len(faults)} faulty samples, the first {faults[0].file}: "
            f"{faults[0].detail}: repair them, or leave out --strict"
        )
    if not kept:
        raise DataError(f"{dataset.name}: expected pictures with {count} landmarks, got none")
    names = dataset.points or tuple(f"point{i}" for i in range(count))
    return replace(found, samples=kept, points=names), faults


def _whole(sample: Sample, count: int) -> bool:
    return len(sample.landmarks) == count and bool(np.isfinite(sample.landmarks).all())


def _fault(sample: Sample, count: int) -> Fault:
    detail = f"expected {count} landmarks of one thing, got {len(sample.landmarks)}"
    return Fault(sample.name, "no-landmarks", detail)


def mirror_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the points that trade places in a mirrored picture, told by left and right in names.

    ``left_eye`` and ``right_eye`` are such a pair; a name without a partner has none.
    """
    index = {name: i for i, name in enumerate(names)}
    left, right = _SIDES
    partners = ((i, index.get(name.replace(left, right))) for i, name in enumerate(names))
    return tuple((i, other) for i, other in partners if other is not None and other != i)


def truth_of(dataset: Dataset, normalizer: Normalizer) -> PointTruth:
    """Read what is true of every sample; each picture is read for its size.

    Args:
        dataset: of `with_landmarks`.
        normalizer: what errors are measured in.

    Raises:
        DataError: a point of the normalizer is not there.
    """
    if normalizer is not None and max(normalizer) >= len(dataset.points):
        raise DataError(
            f"normalizer {normalizer}: expected two of the points 0..{len(dataset.points) - 1}"
        )
    sizes = np.array([size_of(s.read()) for s in dataset.samples], np.int64)
    marks = np.stack([s.landmarks for s in dataset.samples])
    places, visible = marks[..., :2], marks[..., 2] > 0
    if normalizer is None:
        return PointTruth(sizes, places, visible, np.hypot(*sizes.T.astype(np.float64)))
    one, two = normalizer
    distance = np.hypot(*(places[:, one] - places[:, two]).T.astype(np.float64))
    measured = visible[:, one] & visible[:, two] & (distance > 0)
    return PointTruth(sizes, places, visible, np.where(measured, distance, np.nan))
