"""Which detections hit a thing at IoU 0.5, and average precision over any choice of pictures.

mAP is no mean over pictures, so its intervals come from the bootstrap of Efron, "Bootstrap
methods: another look at the jackknife", Annals of Statistics 1979: pictures are drawn with
replacement and mAP is computed anew from the matches, which stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.scoring import PairedDrop
from edgecnn.errors import DataError

DRAWS = 1000
RECALLS = np.linspace(0, 1, 101)
"""COCO reads the precision at these recalls."""

Weights: TypeAlias = NDArray[np.int32]
"""(draws, pictures): how often each picture was drawn."""

_AT_ONCE = 4_000_000
"""Numbers of one intermediate array, at most about so many."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections against the truth, the best first; of equal scores in order of their pictures."""

    pictures: NDArray[np.int64]
    """(D,) in which picture each was found."""
    classes: NDArray[np.int64]
    """(D,)."""
    scores: NDArray[np.float64]
    """(D,) 0..1."""
    hits: NDArray[np.bool_]
    """(D,) whether it overlaps a thing of its class that no better one took."""
    truth: NDArray[np.int64]
    """(pictures, classes) boxes there are."""

    @property
    def samples(self) -> int:
        """How many pictures there are."""
        return len(self.truth)

    def map50(self) -> float:
        """Return mAP at IoU 0.5, 0..1."""
        return self.map50_of(np.arange(self.samples))

    def map50_of(self, pictures: Sequence[int] | NDArray[np.int64]) -> float:
        """Return mAP at IoU 0.5 of some of the pictures; NaN where nothing is in them.

        Args:
            pictures: indices; one that stands there twice counts twice.
        """
        weights = np.bincount(np.asarray(pictures, np.int64), minlength=self.samples)[None]
        return float(mean_ap(self.average_precision(weights.astype(np.int32)))[0])

    def average_precision(self, weights: Weights) -> NDArray[np.float64]:
        """Return (draws, classes) AP at IoU 0.5, 0..1; NaN where a class has no truth."""
        found = [self._of_class(weights, index) for index in range(self.truth.shape[1])]
        return np.stack(found, axis=1)

    def _of_class(self, weights: Weights, index: int) -> NDArray[np.float64]:
        mine = self.classes == index
        pictures, hits = self.pictures[mine], self.hits[mine]
        right = _running(np.take(weights, pictures[hits], axis=1))
        # Precision falls between hits, so the points at hits alone make the curve.
        given = _running(np.take(weights, pictures, axis=1))[:, hits]
        total = (weights @ self.truth[:, index]).astype(np.float64)
        total[total == 0] = np.nan
        precision = right / (given + np.spacing(1))
        best_after = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(RECALLS, right / total[:, None], side="right")
        new = np.diff(reached, axis=1, prepend=0)
        return np.asarray((new * best_after).sum(1) / len(RECALLS) + 0 * total, np.float64)


def _running(counts: Weights) -> Weights:
    return np.cumsum(counts, axis=1, dtype=np.int32)  # half the memory, and twice as fast


def mean_ap(precisions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (draws,) mean over the classes that have truth; NaN where none has."""
    known = np.isfinite(precisions)
    count = known.sum(1)
    total = np.where(known, precisions, 0).sum(1)
    mean: NDArray[np.float64] = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def map50_interval(matches: Matches, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of mAP at IoU 0.5, both ends in 0..1."""
    return _middle(_drawn_maps(matches, seed))


def class_intervals(matches: Matches, seed: int = 0) -> tuple[tuple[float, float], ...]:
    """Return the same of the AP of each class; NaN for one without truth."""
    drawn = np.concatenate([matches.average_precision(w) for w in _draws(matches, seed)])
    return tuple(_middle(column) for column in drawn.T)


def paired_map50_drop(reference: Matches, other: Matches, seed: int = 0) -> PairedDrop:
    """Return the drop of mAP at IoU 0.5 with its paired 95 % bootstrap interval, in points.

    Both are computed on the same drawn pictures.

    Args:
        reference: of one detector.
        other: of another, on the same pictures.
        seed: of the draws.

    Raises:
        DataError: they are not of the same pictures.
    """
    if not np.array_equal(reference.truth, other.truth):
        raise DataError(
            f"expected results on the same pictures, got {reference.samples} and {other.samples} "
            "with other boxes"
        )
    low, high = _middle(100 * (_drawn_maps(reference, seed) - _drawn_maps(other, seed)))
    return PairedDrop(100 * (reference.map50() - other.map50()), low, high)


def _drawn_maps(matches: Matches, seed: int) -> NDArray[np.float64]:
    return np.concatenate([mean_ap(matches.average_precision(w)) for w in _draws(matches, seed)])


def _draws(matches: Matches, seed: int) -> Iterator[Weights]:
    """Yield `DRAWS` draws in parts that fit into memory; they depend on seed and count alone."""
    rng, count = np.random.default_rng(seed), matches.samples
    share = np.full(count, 1 / count)
    at_once = max(1, _AT_ONCE // max(len(matches.scores), count))
    for first in range(0, DRAWS, at_once):
        drawn = rng.multinomial(count, share, min(at_once, DRAWS - first))
        yield drawn.astype(np.int32)


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return where the middle 95 % lie, without the draws that held no truth."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
