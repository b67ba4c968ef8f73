"""Scores readings against labels, and compares two readers on the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.samples import LineSample
from edgecnn.errors import DataError
from edgecnn.vision.ctc import SerialReading

UNKNOWN = "?"
"""Stands in a label for a character that was not transcribed; any character there is right."""


@dataclass(frozen=True)
class ReadScore:
    """How well a set was read."""

    exact: float
    """Share of samples whose whole serial is right, 0..1."""
    samples: int
    wrong: int
    """Samples for which another serial was given (the rest of the misses gave none)."""
    per_currency: Mapping[str, float]
    counts: Mapping[str, int]
    right: tuple[bool, ...]
    """Per sample."""


def same_serial(read: str, label: str) -> bool:
    """Compare canonical forms; ``?`` in the label matches any character.

    The case of Cyrillic letters counts: it is what the note prints.
    """
    return len(read) == len(label) and all(
        b in (UNKNOWN, a) for a, b in zip(read, label, strict=True)
    )


def score_readings(
    readings: Sequence[SerialReading | None], samples: Sequence[LineSample]
) -> ReadScore:
    """Score one reading per sample; None is right where there is nothing to read."""
    if not samples:
        raise DataError("nothing to score: expected at least one sample")
    right = tuple(
        (r is None and not s.text) or (r is not None and same_serial(r.text, s.text))
        for r, s in zip(readings, samples, strict=True)
    )
    wrong = sum(r is not None and not ok for r, ok in zip(readings, right, strict=True))
    by: dict[str, list[bool]] = {}
    for sample, ok in zip(samples, right, strict=True):
        by.setdefault(sample.currency or "none", []).append(ok)
    return ReadScore(
        exact=float(np.mean(right)), samples=len(right), wrong=wrong,
        per_currency={k: float(np.mean(v)) for k, v in sorted(by.items())},
        counts={k: len(v) for k, v in sorted(by.items())}, right=right,
    )  # fmt: skip


@dataclass(frozen=True)
class ClassScore:
    """How well a set was classified."""

    accuracy: float
    """Share of samples with the right label, 0..1."""
    samples: int
    per_class: Mapping[str, float]
    """Recall of each class that occurs."""
    counts: Mapping[str, int]
    right: tuple[bool, ...]
    """Per sample."""


def score_labels(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str]
) -> ClassScore:
    """Score one predicted class index per sample, both (N,)."""
    if len(labels) == 0:
        raise DataError("nothing to score: expected at least one sample")
    right = predicted == labels
    counts = {name: int((labels == i).sum()) for i, name in enumerate(classes)}
    return ClassScore(
        float(right.mean()), len(labels),
        {n: float(right[labels == i].mean()) for i, n in enumerate(classes) if counts[n]},
        {n: c for n, c in counts.items() if c}, tuple(bool(x) for x in right),
    )  # fmt: skip


@dataclass(frozen=True)
class PairedDrop:
    """The loss of accuracy of one reader against another on the same samples."""

    points: float
    """Percentage points; negative where the second is better."""
    low: float
    high: float


def paired_drop(reference: Sequence[float], other: Sequence[float]) -> PairedDrop:
    """Return the drop from ``reference`` to ``other`` with a paired 95 % interval.

    For right and wrong answers the interval is that of Agresti and Min, "Simple improved confidence
    intervals for comparing matched proportions", Statistics in Medicine 2005: Wald with half a
    sample added to each cell. For credits between, it is the normal one of the mean difference.

    Args:
        reference: what each sample earned, 0..1.
        other: the same samples.

    Raises:
        DataError: no samples, or not the same number of them.
    """
    a, b = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    n = len(a)
    if n == 0 or len(b) != n:
        raise DataError(f"expected results on the same samples, got {n} and {len(b)}")
    difference = a - b
    points = 100 * float(difference.mean())
    if not np.isin(difference, (-1, 0, 1)).all():
        margin = 100 * 1.96 * float(difference.std(ddof=1) / np.sqrt(n)) if n > 1 else 100.0
        return PairedDrop(points, points - margin, points + margin)
    lost, won = int((difference > 0).sum()), int((difference < 0).sum())
    n_adjusted, lost_adjusted, won_adjusted = n + 2, lost + 0.5, won + 0.5
    centre = (lost_adjusted - won_adjusted) / n_adjusted
    spread = np.sqrt(
        (lost_adjusted + won_adjusted) - (lost_adjusted - won_adjusted) ** 2 / n_adjusted
    ) / n_adjusted  # fmt: skip
    return PairedDrop(points, 100 * (centre - 1.96 * spread), 100 * (centre + 1.96 * spread))


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 1927), both ends in 0..1."""
    if total == 0:
        return 0.0, 1.0
    z2 = 1.96**2
    share = right / total
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = 1.96 / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
