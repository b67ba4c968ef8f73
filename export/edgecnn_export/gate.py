"""The gate: compares a variant with the float model, on real inputs, by tensor and by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Metric, Parity, Precision
from edgecnn_export.tasks.base import TaskScore
from edgecnn_export.tolerances import TOLERANCES


@dataclass(frozen=True)
class Verdict:
    """Whether a variant may be published, and why not."""

    passed: bool
    reason: str
    """Empty when it passed."""


def measure_parity(reference: NDArray[np.float32], other: NDArray[np.float32]) -> Parity:
    """Compare outputs sample by sample.

    Args:
        reference: (N, ...) of the float model.
        other: the same shape, of a variant.
    """
    difference = other.astype(np.float64) - reference
    flat, got = reference.reshape(len(reference), -1), other.reshape(len(other), -1)
    norms = np.linalg.norm(flat, axis=1) * np.linalg.norm(got, axis=1)
    cosine = (flat * got).sum(1) / np.maximum(norms, 1e-12)
    noise = float((difference**2).mean())
    signal = float((reference.astype(np.float64) ** 2).mean())
    return Parity(
        samples=len(reference),
        max_abs=float(np.abs(difference).max()),
        reference_max=float(np.abs(reference).max()),
        cosine=float(cosine.min()),
        sqnr_db=float(10 * np.log10(signal / noise)) if noise else 200.0,
    )


def worst_parity(parities: Sequence[Parity]) -> Parity:
    """Return the worst of each number over the outputs of a network."""
    return Parity(
        samples=parities[0].samples,
        max_abs=max(p.max_abs for p in parities),
        reference_max=max(p.reference_max for p in parities),
        cosine=min(p.cosine for p in parities),
        sqnr_db=min(p.sqnr_db for p in parities),
    )


def measure_drop(name: str, reference: TaskScore, other: TaskScore) -> Metric:
    """Compare a task metric on the same samples, with its paired interval."""
    drop = reference.drop_to(other)
    return Metric(
        name=name, value=other.value, samples=other.samples, drop=drop.points,
        drop_low=drop.low, drop_high=drop.high,
    )  # fmt: skip


def judge(precision: Precision, parity: Parity, metric: Metric, max_drop: float) -> Verdict:
    """Apply the tolerances of `TOLERANCES`, and ``max_drop`` (points) to every variant."""
    allowed = TOLERANCES[precision].parity
    reasons: list[str] = []
    if allowed is not None:
        limit = allowed * max(1.0, parity.reference_max)
        if not parity.max_abs <= limit:
            reasons.append(
                f"differs from the float model by {parity.max_abs:.3g}, at most {limit:.3g}"
            )
    if metric.drop > max_drop:
        reasons.append(
            f"{metric.name} drops {metric.drop:.2f} points "
            f"({metric.drop_low:.2f} to {metric.drop_high:.2f}), at most {max_drop:g}"
        )
    return Verdict(not reasons, "; ".join(reasons))


def shared_samples(gate: Sequence[str], calibration: Sequence[str]) -> int:
    """Count the samples (by content hash) that two sets share."""
    return len(set(gate) & set(calibration))
