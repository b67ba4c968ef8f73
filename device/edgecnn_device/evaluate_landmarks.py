"""Scores a bundle of the `landmarks` task with the runtime of this machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.data.landmarks import truth_of
from edgecnn.data.point_scoring import PointScore, score_points
from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError
from edgecnn_device.runner import Runner
from edgecnn_device.tasks.landmarks import Landmarks, Point


def evaluate_landmarks(runner: Runner, dataset: Dataset) -> PointScore:
    """Score a bundle on pictures that can all be read and have every point.

    Raises:
        DataError: the bundle is of another task, or knows other points.
    """
    rules = runner.manifest.decode
    known = rules.names if isinstance(rules, PointsDecode) else ()
    if not isinstance(rules, PointsDecode) or known != dataset.points:
        raise DataError(
            f"{dataset.name}: has the points {', '.join(dataset.points)}; the bundle "
            f"{runner.manifest.name} knows {', '.join(known) or 'none'}"
        )
    found = [_points(runner, s.read()) for s in dataset.samples]
    places = np.array([[(p.x, p.y) for p in points] for points in found], np.float32)
    visibility = np.array([[p.score for p in points] for points in found], np.float32)
    return score_points(places, visibility, truth_of(dataset, rules.normalizer), known)


def _points(runner: Runner, image: NDArray[np.uint8]) -> tuple[Point, ...]:
    return next(r.points for r in runner(image) if isinstance(r, Landmarks))
