from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn_export.quantize.observers import BINS, Histogram, MinMax


def _seen(*parts: NDArray[np.float32]) -> Histogram:
    histogram = Histogram("x")
    for part in parts:
        histogram.update(part)
    return histogram


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(scale=3, size=(4, 500)).astype(np.float32)


def test_counts_are_those_of_numpy(values: NDArray[np.float32]) -> None:
    histogram = _seen(values)
    expected, _ = np.histogram(values.astype(np.float64), histogram.edges)
    assert np.array_equal(histogram.counts, expected)
    assert (histogram.low, histogram.high) == (values.min(), values.max())
    assert histogram.limit / 2 <= np.abs(values).max() < histogram.limit


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0, 1e5])
def test_growth_loses_no_value_and_order_does_not_matter(
    values: NDArray[np.float32], scale: float
) -> None:
    large = (values * np.float32(scale)).astype(np.float32)
    whole = _seen(np.concatenate((values, large)))
    for parts in ((values, large), (large, values), (*values, *large)):
        assert np.array_equal(_seen(*parts).counts, whole.counts)
    assert whole.counts.sum() == 2 * values.size
    assert whole.counts.size == BINS


def test_exact_zeros_are_counted_apart() -> None:
    histogram = _seen(np.zeros(7, np.float32), np.array([0.0, -0.0, 1e-30, 2.0], np.float32))
    assert histogram.zeros == 9
    assert histogram.counts.sum() == 2
    assert histogram.counts[BINS // 2] == 1


def test_values_at_the_ends_of_float32_find_a_bin() -> None:
    ends = np.array([1e-38, -3e38, 3e38], np.float32)
    assert _seen(ends).counts.sum() == 3
    assert _seen(ends[:1], ends[:1] * 1e-4).counts.sum() == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("observer", [MinMax, Histogram])
def test_nan_and_infinity_are_refused_by_name(observer: type[MinMax], bad: float) -> None:
    with pytest.raises(DataError, match=r"activation block/conv_3 holds NaN or infinity"):
        observer("block/conv_3").update(np.array([[1.0, bad]], np.float32))
