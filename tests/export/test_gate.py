from __future__ import annotations

import numpy as np
import pytest

from edgecnn.bundle.manifest import Metric, Parity, Precision
from edgecnn.data.scoring import paired_drop
from edgecnn_export.gate import judge, measure_drop, measure_parity, shared_samples
from edgecnn_export.tasks.base import GateScore


def _metric(drop: float) -> Metric:
    return Metric(name="serial_exact", value=0.9, samples=500, drop=drop, drop_low=drop - 0.5,
                  drop_high=drop + 0.5)  # fmt: skip


def _parity(max_abs: float) -> Parity:
    return Parity(samples=4, max_abs=max_abs, reference_max=20.0, cosine=1.0, sqnr_db=60.0)


@pytest.mark.parametrize(
    ("precision", "max_abs", "drop", "passes"),
    [
        ("fp32", 0.019, 0.0, True),
        ("fp32", 0.021, 0.0, False),
        ("fp32", float("nan"), 0.0, False),
        ("fp32", 0.0, 1.2, False),
        ("int8", 5.0, 1.0, True),
        ("int8", 0.1, 1.01, False),
        ("int8", 5.0, -2.0, True),
    ],
)
def test_the_verdict_follows_the_table(
    precision: Precision, max_abs: float, drop: float, passes: bool
) -> None:
    parity = _parity(0.0).model_copy(update={"max_abs": max_abs})
    verdict = judge(precision, parity, _metric(drop), max_drop=1.0)
    assert verdict.passed is passes
    assert bool(verdict.reason) is not passes


def test_parity_of_equal_and_of_noisy_outputs() -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((5, 7, 3)).astype(np.float32)
    same = measure_parity(reference, reference)
    assert (same.max_abs, same.sqnr_db) == (0.0, 200.0)
    noisy = measure_parity(reference, reference + np.float32(0.1))
    assert noisy.max_abs == pytest.approx(0.1, rel=1e-4)
    assert noisy.sqnr_db == pytest.approx(10 * np.log10((reference**2).mean() / 0.01), abs=0.1)
    assert noisy.cosine < 1


def test_shared_samples_are_counted_by_content() -> None:
    assert shared_samples(["a", "b"], ["b", "c"]) == 1


def test_a_mean_of_credits_drops_sample_by_sample() -> None:
    before, after = GateScore(0.75, (1.0, 1.0, 1.0, 0.0)), GateScore(0.5, (1.0, 1.0, 0.0, 0.0))
    metric, wanted = (
        measure_drop("accuracy", before, after),
        paired_drop(before.credits, after.credits),
    )
    assert (metric.value, metric.samples, metric.drop) == (0.5, 4, 25)
    assert (metric.drop_low, metric.drop_high) == (wanted.low, wanted.high)
