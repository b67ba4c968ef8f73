from __future__ import annotations

import math

import numpy as np
import pytest

from edgecnn.data.samples import LineSample
from edgecnn.data.scoring import paired_drop, same_serial, score_readings, wilson_interval
from edgecnn.vision.ctc import SerialReading


def _sample(text: str, currency: str | None) -> LineSample:
    return LineSample("x", np.zeros((1, 1, 3), np.uint8), text, currency)


def _reading(text: str) -> SerialReading:
    return SerialReading(text, 0.9, "USD")


@pytest.mark.parametrize(
    ("read", "label", "same"),
    [
        ("AB12", "AB12", True),
        ("AB12", "AB13", False),
        ("AB12", "A?1?", True),
        ("AB12", "A?2?", False),
        ("A?12", "AB12", False),
        ("AB12", "AB1", False),
        ("AB1", "AB1?", False),
        ("Ак1", "АК1", False),
        ("A1", "А1", False),
        ("", "", True),
    ],
)
def test_a_question_mark_in_the_label_fits_any_character(read: str, label: str, same: bool) -> None:
    assert same_serial(read, label) is same


def test_readings_are_counted() -> None:
    samples = [
        _sample("A1", "USD"), _sample("B2", "USD"), _sample("C3", "KRW"), _sample("", None),
        _sample("", None),
    ]  # fmt: skip
    readings = [_reading("A1"), _reading("A1"), None, None, _reading("A1")]
    score = score_readings(readings, samples)
    assert score.right == (True, False, False, True, False)
    assert (score.exact, score.samples, score.wrong) == (0.4, 5, 2)
    assert score.per_currency == {"KRW": 0.0, "USD": 0.5, "none": 0.5}
    assert score.counts == {"KRW": 1, "USD": 2, "none": 2}


def test_each_sample_needs_its_reading() -> None:
    with pytest.raises(ValueError, match="zip"):
        score_readings([None], [_sample("", None), _sample("", None)])


@pytest.mark.parametrize(
    ("lost", "won", "same", "points"), [(3, 1, 96, 2), (1, 3, 96, -2), (0, 0, 50, 0), (5, 5, 0, 0)]
)
def test_a_drop_is_what_the_second_reader_loses(
    lost: int, won: int, same: int, points: float
) -> None:
    reference = [True] * lost + [False] * won + [True] * same
    other = [False] * lost + [True] * won + [True] * same
    drop = paired_drop(reference, other)
    assert drop.points == pytest.approx(points)
    assert drop.low <= drop.points <= drop.high
    back = paired_drop(other, reference)
    assert (back.points, back.low, back.high) == pytest.approx((-points, -drop.high, -drop.low))


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_the_interval_of_a_drop_narrows_around_it(n: int) -> None:
    all_lost, none_lost = paired_drop([True] * n, [False] * n), paired_drop([True] * n, [True] * n)
    assert all_lost.low < all_lost.points == 100 <= all_lost.high
    assert none_lost.low < 0 < none_lost.high
    wider = paired_drop([True] * 10 * n, [True] * 10 * n)
    assert wider.high < none_lost.high


def test_a_drop_as_the_formula_gives_it_by_hand() -> None:
    """lost 3.5, won 1.5, n 102: centre 2/102, half width 1.96 sqrt(5 - 4/102) / 102."""
    drop = paired_drop([True] * 3 + [False] + [True] * 96, [False] * 3 + [True] + [True] * 96)
    half = 1.96 * math.sqrt(5 - 4 / 102) / 102
    assert drop.low == pytest.approx(100 * (2 / 102 - half))
    assert drop.high == pytest.approx(100 * (2 / 102 + half))


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (0, 0, 0, 1),
        (0, 10, 0, 0.2775),
        (10, 10, 0.7225, 1),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 1998, table I
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval(right: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("total", [1, 3, 7, 50])
def test_wilson_interval_holds_the_share(total: int) -> None:
    for right in range(total + 1):
        low, high = wilson_interval(right, total)
        assert 0 <= low <= right / total <= high + 1e-12 and high <= 1
