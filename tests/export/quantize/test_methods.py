from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn_export.quantize.methods import KEPT, METHODS, Method, choose_range
from edgecnn_export.quantize.observers import Histogram

Values = NDArray[np.float32]


def _choose(method: Method, values: Values) -> tuple[float, float]:
    histogram = Histogram("x")
    histogram.update(values)
    return choose_range(method, histogram)


def _draw(kind: str) -> Values:
    rng = np.random.default_rng(2)
    normal = rng.normal(size=200_000)
    values = {
        "normal": normal,
        "relu": np.maximum(normal, 0),
        "laplace": rng.laplace(size=200_000),
        "negative": -rng.exponential(size=200_000),
        "outlier": np.append(normal, [40.0, -25.0]),
    }
    return values[kind].astype(np.float32)


KINDS = ("normal", "relu", "laplace", "negative", "outlier")


def _error(values: Values, low: float, high: float) -> float:
    """Mean squared error of 8 bits over a range."""
    step = (high - low) / 255
    kept = np.clip(np.rint((values - low) / step), 0, 255) * step + low
    return float(((kept - values)[values != 0] ** 2).mean())


def test_minmax_is_what_was_seen() -> None:
    values = _draw("outlier")
    assert _choose("minmax", values) == (values.min(), values.max())


@pytest.mark.parametrize("kind", KINDS)
def test_percentile_cuts_its_share_of_each_end_that_is_not_zero(kind: str) -> None:
    values = _draw(kind)
    low, high = _choose("percentile", values)
    cut = (1 - KEPT) / 2 * values.size
    below, above = int((values < low).sum()), int((values > high).sum())
    assert below == (0 if kind == "relu" else pytest.approx(cut, abs=2))
    assert above == pytest.approx(cut, abs=2 if kind != "negative" else cut + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_mse_finds_the_range_of_least_error(kind: str) -> None:
    values = _draw(kind)
    found = _error(values, *_choose("mse", values))
    shares = np.linspace(0.05, 1, 40)
    least = min(_error(values, float(values.min() * a), float(values.max() * b))
                for a in shares for b in shares[::4])  # fmt: skip
    assert found <= 1.05 * least


@pytest.mark.parametrize("method", ["percentile", "entropy", "mse"])
def test_two_outliers_in_200000_are_clipped(method: Method) -> None:
    low, high = _choose(method, _draw("outlier"))
    assert -20 < low < -2
    assert 2 < high < 30


def test_entropy_keeps_a_flat_distribution_whole() -> None:
    values = np.random.default_rng(4).uniform(-1, 3, 200_000).astype(np.float32)
    low, high = _choose("entropy", values)
    assert low == pytest.approx(-1, abs=0.05)
    assert high == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("draw", "low", "high"),
    [(lambda: np.zeros(9), 0, 0), (lambda: np.full(9, -2.5), -2.5, -2.5),
     (lambda: np.append(np.zeros(10**6), 3.0), 0, 3)],
)  # fmt: skip
def test_constant_and_nearly_empty_activations_keep_what_was_seen(
    method: Method, draw: Callable[[], NDArray[np.float64]], low: float, high: float
) -> None:
    found = _choose(method, draw().astype(np.float32))
    assert found == pytest.approx((low, high), rel=0.01)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_range_goes_beyond_what_was_seen(method: Method, kind: str) -> None:
    values = _draw(kind)
    low, high = _choose(method, values)
    assert values.min() <= low < high <= values.max()
