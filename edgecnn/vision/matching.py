"""When two vectors are of one person: similarity, and thresholds by the rate of false matches.

A threshold is never set by hand. It is read from a curve, measured on pairs of different people,
that says how rarely such a pair exceeds a similarity. People differ (some look like many), so the
pairs of one person go together, and a rate of 1 in 1000 is claimed at the upper end of a 95 %
interval that resamples people: Bolle et al., "Error analysis of pattern recognition systems: the
subsets bootstrap", CVIU 2004. Where N pairs gave no false match the rate may still be 3/N (the rule
of three: Jovanovic and Levy, The American Statistician 1997), so the curve ends there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import DataError, InputError

NIST_FMR = 1e-4
"""What NIST SP 800-63B-4, 3.2.3, demands of a biometric comparison at most."""
_HIGHEST = 0.1
"""Rate at which a curve begins."""
_KEPT = 0.25
"""Share of the pairs, the most alike, that are kept for the resamples."""
_CONFIDENCE = 0.95


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale vectors (..., D) to length 1; a vector of zeros stays one, and is like no other."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the similarity, -1..1, of the last axes of (..., D) and (..., D)."""
    return np.asarray(np.clip((unit(a) * unit(b)).sum(-1), -1, 1), np.float32)


@dataclass(frozen=True, eq=False)
class _Impostors:
    """The most alike pairs of different people, the most alike first."""

    scores: NDArray[np.float32]
    """(K,)."""
    one: NDArray[np.int64]
    """(K,) person by index."""
    other: NDArray[np.int64]
    pairs: int
    """How many there are, with those that are not kept."""
    pictures: NDArray[np.int64]
    """(P,) of each person."""


def measure_curve(
    vectors: NDArray[np.float32], people: Sequence[str], *, data: str,
    default_fmr: float = NIST_FMR, resamples: int = 200, seed: int = 0,
) -> MatchCurve:  # fmt: skip
    """Measure how alike different people are, over all pairs of pictures of two people.

    Memory grows with the square of N: some 0.5 GB at N = 5000.

    Args:
        vectors: (N, D), of any length.
        people: (N,) who each is of; nobody whom the network or its threshold was chosen with.
        data: what it is measured on, for the reader of the manifest.
        default_fmr: raised to the curve's end where that is higher.
        resamples: of the people, for the upper end of the interval.
        seed: of the resamples.

    Raises:
        DataError: not a name for each vector, a vector that is not finite, or too few people.
    """
    found = _impostors(vectors, people)
    rates = np.array(list(_rates(3 / found.pairs)))
    thresholds = np.maximum(_by_people(found, rates, resamples, seed), _by_count(found, rates))
    points = zip(rates.tolist(), np.maximum.accumulate(thresholds).tolist(), strict=True)
    return MatchCurve(
        points=tuple(points), pairs=found.pairs, people=len(found.pictures), data=data,
        default_fmr=max(default_fmr, float(rates[-1])),
    )  # fmt: skip


def threshold_for(curve: MatchCurve, fmr: float) -> float:
    """Return the similarity above which two vectors match at a rate of false matches.

    Between the curve's points it is linear in the rate's logarithm; above the first it is that of
    the first.

    Raises:
        InputError: the rate is not one, or below what was measured.
    """
    if not 0 < fmr <= 1:
        raise InputError(f"expected a false-match rate above 0, at most 1, such as 1e-3, got {fmr}")
    if fmr < curve.end * (1 - 1e-6):
        pairs = math.ceil(3 / fmr)
        alone = math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2)
        raise InputError(
            f"a false-match rate of {fmr:.2g} was not measured: this bundle's curve, from "
            f"{curve.pairs} pairs of different people, ends at {curve.end:.2g}: ask for that or "
            f"more, or measure a curve on {pairs} pairs or more (such as {alone} people with one "
            "picture each)"
        )
    rates, scores = np.array(curve.points[::-1]).T
    return float(np.interp(math.log(fmr), np.log(rates), scores))


def _impostors(vectors: NDArray[np.float32], people: Sequence[str]) -> _Impostors:
    names, who = np.unique(np.asarray(people, np.str_), return_inverse=True)
    if vectors.ndim != 2 or len(vectors) != len(who):
        raise DataError(f"expected a person for each vector, got {vectors.shape} and {len(who)}")
    if not np.isfinite(vectors).all():
        raise DataError("expected finite vectors, got NaN or infinity: check the network")
    units = unit(vectors)
    one, other = np.triu_indices(len(units), 1)
    cross = who[one] != who[other]
    one, other = one[cross], other[cross]
    if len(one) < 3 / _HIGHEST:
        raise DataError(
            f"a curve needs {3 / _HIGHEST:.0f} pairs of different people or more, got {len(one)} "
            f"of {len(names)} people"
        )
    scores = np.clip((units @ units.T)[one, other], -1, 1)
    kept = max(math.ceil(_KEPT * len(scores)), 1)
    order = np.argsort(-scores, kind="stable")[:kept]
    return _Impostors(
        scores[order], who[one[order]], who[other[order]], len(scores), np.bincount(who)
    )


def _rates(end: float) -> Iterator[float]:
    """Yield 0.1, 0.05, 0.02, 0.01, ... as far as they are well above the end, and the end."""
    for power in range(1, 16):
        for digit in (10, 5, 2):
            rate = float(f"{digit}e-{power + 1}")
            if rate > 1.2 * end:
                yield rate
    yield end


def _by_count(found: _Impostors, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score that so few pairs exceed that the rate is surely met, were they independent.

    With k false matches counted, a rate whose Poisson law gives k or fewer in only 5 % is the upper
    end of the rate's interval; k = 0 is the rule of three.
    """
    allowed = [_most_errors(rate * found.pairs) for rate in rates.tolist()]
    return found.scores[np.minimum(allowed, len(found.scores) - 1)].astype(np.float64)


def _most_errors(expected: float) -> int:
    """Return the largest count that a Poisson variable stays at or below in 5 % at most."""
    counts = np.arange(math.ceil(expected) + 1)
    logarithms = counts * math.log(expected) - expected
    logarithms[1:] -= np.cumsum(np.log(counts[1:]))
    at_most = np.cumsum(np.exp(logarithms))
    # e^-3 is 0.0498: three expected, none found.
    return max(int((at_most <= 1 - _CONFIDENCE).sum()) - 1, 0)


def _by_people(
    found: _Impostors, rates: NDArray[np.float64], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return the upper end of each rate's threshold when people are drawn with replacement."""
    rng = np.random.default_rng(seed)
    people = len(found.pictures)
    rows = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(people, size=people), minlength=people)
        pictures = (drawn * found.pictures).astype(np.float64)
        pairs = (pictures.sum() ** 2 - (pictures**2).sum()) / 2
        above = np.cumsum(drawn[found.one] * drawn[found.other])
        place = np.searchsorted(above, rates * pairs, side="right")
        rows.append(found.scores[np.minimum(place, len(found.scores) - 1)])
    return np.quantile(np.asarray(rows, np.float64), _CONFIDENCE, axis=0, method="higher")
