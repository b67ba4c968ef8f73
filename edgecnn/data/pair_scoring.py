"""Scores vectors by all pairs of pictures: are two of one person nearer than two of two?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import PairedDrop
from edgecnn.errors import DataError
from edgecnn.vision.matching import unit

METRIC = "tar_fmr_1e-2"
"""Share of the pairs of one person that match where one in a hundred pairs of two people does."""
FMR = 1e-2
_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class AllPairsScore:
    """How well a set's people were told apart."""

    threshold: float
    """Cosine similarity above which a pair matches."""
    matched: NDArray[np.int64]
    """(P,) pairs of each person that match, of those people who have a pair."""
    pairs: NDArray[np.int64]
    """(P,) all pairs of those people."""
    eer: float
    """Equal error rate, 0..1, over the same pairs."""
    different: int
    """Pairs of two people."""
    pictures: int
    people: int
    """All, also those with one picture."""

    @property
    def tar(self) -> float:
        """True-accept rate, 0..1, see `METRIC`."""
        return float(self.matched.sum() / self.pairs.sum())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of that rate, when people are drawn again; the threshold stays."""
        draws = _draws(len(self.pairs))
        rates = (draws @ self.matched) / (draws @ self.pairs)
        low, high = np.quantile(rates, (0.025, 0.975))
        return float(low), float(high)

    def drop_to(self, other: AllPairsScore) -> PairedDrop:
        """Return the loss against another score of the same people, who are drawn again for both.

        Raises:
            DataError: the other one is of other pairs.
        """
        if not np.array_equal(self.pairs, other.pairs):
            raise DataError("expected scores of the same pictures")
        draws = _draws(len(self.pairs))
        losses = 100 * (draws @ (self.matched - other.matched)) / (draws @ self.pairs)
        low, high = np.quantile(losses, (0.025, 0.975))
        return PairedDrop(100 * (self.tar - other.tar), float(low), float(high))


def _draws(people: int) -> NDArray[np.int64]:
    """Return how often each person is drawn in each resample, (R, P)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(people, np.full(people, 1 / people), _RESAMPLES).astype(np.int64)


def score_vectors(
    vectors: NDArray[np.float32], people: NDArray[np.int64], least: float = -1.0
) -> AllPairsScore:
    """Score vectors over all pairs; memory grows with the square of N.

    Args:
        vectors: (N, D), of any length.
        people: (N,) who each is of.
        least: the threshold is at least this.

    Raises:
        DataError: vectors that are not finite, or no pair of one person or of two.
    """
    if not np.isfinite(vectors).all():
        raise DataError("expected finite vectors, got NaN or infinity: check the network")
    units = unit(vectors)
    one, two = np.triu_indices(len(people), 1)
    similarity = np.clip((units @ units.T)[one, two], -1, 1)
    same = people[one] == people[two]
    own, others = similarity[same], np.sort(similarity[~same])[::-1]
    if not len(own) or not len(others):
        raise DataError(
            f"expected pictures of two people or more, two of at least one; got {len(people)} of "
            f"{len(np.unique(people))} people: {len(own)} pairs of one person, {len(others)} of two"
        )
    threshold = max(float(others[int(FMR * len(others))]), least)
    who, whose = np.unique(people[one[same]], return_inverse=True)
    return AllPairsScore(
        threshold, np.bincount(whose, own > threshold, len(who)).astype(np.int64),
        np.bincount(whose, minlength=len(who)).astype(np.int64), _equal_error(own, others[::-1]),
        len(others), len(people), len(np.unique(people)),
    )  # fmt: skip


def _equal_error(own: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Return where both error rates are nearest, from ascending scores of two people."""
    own = np.sort(own)
    steps = np.unique(np.concatenate((own, others)))
    missed = np.searchsorted(own, steps) / len(own)
    false = 1 - np.searchsorted(others, steps) / len(others)
    best = int(np.abs(missed - false).argmin())
    return float((missed[best] + false[best]) / 2)


def people_of(dataset: Dataset) -> NDArray[np.int64]:
    """Return the person of every sample, (N,), counted from 0 among those who have a picture."""
    labels = np.array([s.label for s in dataset.samples], np.int64)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
