"""Scores how well pairs of one person are told from pairs of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.face_pairs import FacePairs
from edgecnn.errors import DataError

FARS = (1e-2, 1e-3)
"""Shares of accepted pairs of two people at which the share of accepted pairs of one is told."""
_FAILED = 2.0
"""Above any similarity."""
_RESAMPLES = 500
_Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval, for which people are drawn with replacement."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class VerificationScore:
    """How well a set of pairs was judged."""

    pairs: int
    folds: int
    accuracy: Interval
    """Mean over folds, each at the threshold that is best on the others."""
    accuracy_std: float
    """Of the folds, 0 where there is one."""
    eer: Interval
    """Equal error rate: where as many pairs of two people are accepted as of one are rejected."""
    tar: Mapping[float, Interval]
    """Share of pairs of one person accepted, where at most so many of two are; see `FARS`."""
    failures: int
    """Pairs of which a face was not found: errors, whatever the threshold."""
    right: tuple[bool, ...]
    """Per pair, at its fold's threshold."""
    roc: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Shares of accepted pairs of two people and of one, from the strictest threshold."""


def score_pairs(
    similarities: NDArray[np.float32], pairs: FacePairs, seed: int = 0, fold: int | None = None
) -> VerificationScore:
    """Score one similarity for each pair, (N,); NaN where a face was not found.

    Args:
        similarities: one for each pair.
        pairs: what was compared.
        seed: of the people who are drawn again.
        fold: score this one alone, counted from 0, at the threshold of all others: for a network
            that may have seen the others' people.

    Raises:
        DataError: there are not pairs of both kinds, not a similarity for each, or no such fold.
    """
    same, folds = pairs.same, pairs.folds
    if len(similarities) != len(same) or not same.any() or same.all():
        raise DataError(
            f"expected a similarity for each of {len(same)} pairs of both kinds, got "
            f"{len(similarities)}"
        )
    failed = np.isnan(similarities)
    scores = np.where(failed, np.where(same, -_FAILED, _FAILED), similarities).astype(np.float64)
    right = _judge(scores, same, folds)
    if fold is not None:
        here = folds == fold
        if not here.any():
            raise DataError(f"expected a fold from 1 to {folds.max() + 1}, got {fold + 1}")
        pairs = FacePairs(tuple(p for p, mine in zip(pairs.pairs, here, strict=True) if mine),
                          folds[here])  # fmt: skip
        scores, same, folds = scores[here], same[here], folds[here]
        failed, right = failed[here], right[here]
    order = np.argsort(-scores, kind="stable")

    def summary(weights: _Weights) -> list[float]:
        far, tar = _roc(same[order], weights[order])
        shares = [_accuracy(right, folds, weights), _eer(far, tar)]
        return shares + [_tar_at(far, tar, limit) for limit in FARS]

    ones = np.ones(len(same))
    values = summary(ones)
    drawn = np.array([summary(w) for w in _resamples(pairs, seed)])
    lows, highs = np.quantile(drawn, (0.025, 0.975), axis=0).tolist()
    accuracy, eer, *tars = (Interval(*row) for row in zip(values, lows, highs, strict=True))
    each = [float(right[folds == fold].mean()) for fold in np.unique(folds)]
    return VerificationScore(
        len(same), len(each), accuracy, float(np.std(each, ddof=1)) if len(each) > 1 else 0.0, eer,
        dict(zip(FARS, tars, strict=True)), int(failed.sum()), tuple(right.tolist()),
        _roc(same[order], ones[order]),
    )  # fmt: skip


def best_threshold(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Return the threshold that judges most pairs rightly, midway between two scores."""
    order = np.argsort(-scores, kind="stable")
    gained = np.concatenate(((0,), np.cumsum(np.where(same[order], 1, -1))))
    place = int(gained.argmax())
    ends = np.concatenate(((_FAILED + 1,), scores[order], (-_FAILED - 1,)))
    return float((ends[place] + ends[place + 1]) / 2)


def _judge(
    scores: NDArray[np.float64], same: NDArray[np.bool_], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    right = np.zeros(len(scores), bool)
    for fold in np.unique(folds):
        here = folds == fold
        others = here if here.all() else ~here  # one fold alone: its own best threshold
        right[here] = (scores[here] > best_threshold(scores[others], same[others])) == same[here]
    return right


def _accuracy(right: NDArray[np.bool_], folds: NDArray[np.int64], weights: _Weights) -> float:
    """Return the mean over the folds that have any weight."""
    total, good = np.bincount(folds, weights), np.bincount(folds, weights * right)
    return float((good[total > 0] / total[total > 0]).mean())


def _roc(same: NDArray[np.bool_], weights: _Weights) -> tuple[_Weights, _Weights]:
    """Return shares accepted of two people and of one, from none to all; the surest pair first."""
    accepted = [
        np.concatenate(((0.0,), np.cumsum(weights * kind))) / max(float(weights[kind].sum()), 1e-12)
        for kind in (~same, same)
    ]
    return accepted[0], accepted[1]


def _eer(far: _Weights, tar: _Weights) -> float:
    gap = far + tar - 1  # false accepts less false rejects: rises from -1 to 1
    place = max(int(np.argmax(gap >= 0)), 1)
    before, after = gap[place - 1], gap[place]
    share = 0.0 if after == before else -before / (after - before)
    return float(far[place - 1] + share * (far[place] - far[place - 1]))


def _tar_at(far: _Weights, tar: _Weights, limit: float) -> float:
    return float(tar[np.searchsorted(far, limit, side="right") - 1]) if far[0] <= limit else 0.0


def _resamples(pairs: FacePairs, seed: int) -> list[_Weights]:
    """Return weights of the pairs when people are drawn with replacement.

    A pair of two people weighs the product of how often both were drawn.
    """
    rng, same = np.random.default_rng(seed), pairs.same
    names = [portrait.person for pair in pairs.pairs for portrait in pair]
    people, who = np.unique(np.array(names), return_inverse=True)
    one, other = who[0::2], who[1::2]
    out: list[_Weights] = []
    while len(out) < _RESAMPLES:
        drawn = np.bincount(rng.integers(len(people), size=len(people)), minlength=len(people))
        weights = np.where(same, drawn[one], drawn[one] * drawn[other]).astype(np.float64)
        if weights[same].sum() > 0 and weights[~same].sum() > 0:
            out.append(weights)
    return out
