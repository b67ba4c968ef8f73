"""Precision against recall of a class as its score threshold falls, at IoU 0.5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.box_matches import Matches


@dataclass(frozen=True)
class CurvePoint:
    """What a threshold gives; all in 0..1."""

    score: float
    """Detections of this score and better are given."""
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, eq=False)
class Curve:
    """A point per score that occurs, the highest first; none without truth or detections."""

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def at(self, min_score: float) -> CurvePoint | None:
        """Return what is given at a threshold; None where nothing is that good."""
        return self._point(int((self.scores >= min_score).sum()) - 1)

    def best(self) -> CurvePoint | None:
        """Return the point of the highest F1, of equal ones the first; None on an empty curve."""
        points = [self._point(i) for i in range(len(self.scores))]
        return max((p for p in points if p), key=lambda p: p.f1, default=None)

    def _point(self, index: int) -> CurvePoint | None:
        if index < 0:
            return None
        found = self.scores[index], self.precision[index], self.recall[index]
        return CurvePoint(*map(float, found))


def curve_of(matches: Matches, index: int) -> Curve:
    """Return the curve of a class.

    Equal scores, which int8 gives many of, are one point: no threshold tells them apart.

    Args:
        matches: of all classes.
        index: of the class.
    """
    mine, total = matches.classes == index, int(matches.truth[:, index].sum())
    scores, hits = matches.scores[mine], matches.hits[mine]
    if not total or not len(scores):
        return Curve(*np.zeros((3, 0)))
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    right = np.cumsum(hits)[last]
    return Curve(scores[last], right / (last + 1), right / total)
