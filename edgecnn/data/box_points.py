"""Scores the points of boxes: how far off they are where the box was found.

Errors are in units of the true box's side, the root of its area, which is there whatever the points
are (Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D Face Alignment problem?",
ICCV 2017, section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.samples import Dataset, Sample
from edgecnn.vision.anchors import Detections
from edgecnn.vision.boxes import box_areas, iou_matrix

_OVERLAP = 0.5
"""IoU of a box that was found."""


@dataclass(frozen=True)
class PointsScore:
    """How far off the points of the boxes that were found are."""

    error: float
    """Mean over boxes of the mean distance of their visible points, in sides of the true box."""
    median: float
    """Over boxes."""
    boxes: int
    """Found, with a visible point."""
    missed: int
    """With a visible point, and not found."""


def with_points(dataset: Dataset, names: tuple[str, ...]) -> Dataset:
    """Return the dataset, without the points of its boxes where it has others than ``names``."""
    if dataset.points == names or all(s.box_points is None for s in dataset.samples):
        return dataset
    samples = tuple(replace(s, box_points=None) for s in dataset.samples)
    return replace(dataset, samples=samples)


def score_points(found: Sequence[Detections], dataset: Dataset) -> PointsScore | None:
    """Score the points of what was found in each picture; None where there is nothing to compare.

    Of several boxes on a true one the best by its score counts, as in `score_boxes`.
    """
    errors: list[float] = []
    wanted = 0
    for one, sample in zip(found, dataset.samples, strict=True):
        if sample.box_points is None:
            continue
        wanted += int((sample.box_points[..., 2] > 0).any(1).sum())
        if one.points is not None and one.points.shape[1] == sample.box_points.shape[1]:
            errors += _errors(one, one.points, sample, sample.box_points)
    if not errors:
        return None
    mean, median = float(np.mean(errors)), float(np.median(errors))
    return PointsScore(mean, median, len(errors), wanted - len(errors))


def _errors(
    found: Detections, points: NDArray[np.float32], sample: Sample, truth: NDArray[np.float32]
) -> Iterator[float]:
    """Yield the error of each true box that was found and has a visible point."""
    overlaps = iou_matrix(found.boxes, sample.boxes)
    overlaps[found.classes[:, None] != sample.box_labels] = 0
    sides = np.sqrt(box_areas(sample.boxes))
    for row in range(len(overlaps)):  # the best first
        if not overlaps.shape[1] or overlaps[row].max() < _OVERLAP:
            continue
        box = int(overlaps[row].argmax())
        overlaps[:, box] = 0
        seen = truth[box, :, 2] > 0
        if seen.any():
            away = points[row, seen].astype(np.float64) - truth[box, seen, :2]
            yield float(np.hypot(*away.T).mean() / sides[box])
