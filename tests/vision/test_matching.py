from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import DataError, InputError
from edgecnn.vision.matching import cosine, measure_curve, threshold_for, unit


def _vectors(people: int, seed: int = 0, size: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((people, size)).astype(np.float32)


def _names(people: int, pictures: int = 1) -> list[str]:
    return [f"p{i}" for i in range(people) for _ in range(pictures)]


def _share_above(vectors: NDArray[np.float32], threshold: float) -> float:
    scores = unit(vectors) @ unit(vectors).T
    return float((scores[np.triu_indices(len(vectors), 1)] > threshold).mean())


def test_cosine_ignores_length_and_a_vector_of_zeros_is_like_none() -> None:
    a = np.array(((2, 0), (0, 3), (0, 0)), np.float32)
    assert cosine(a, np.array((1, 0), np.float32)).tolist() == [1, 0, 0]
    assert np.allclose(np.linalg.norm(unit(_vectors(5)), axis=1), 1)


def test_a_curve_ends_at_three_in_its_pairs_above_every_score() -> None:
    vectors = _vectors(60)
    curve = measure_curve(vectors, _names(60), data="drawn")
    assert (curve.pairs, curve.people) == (60 * 59 // 2, 60)
    assert curve.end == pytest.approx(3 / curve.pairs)
    assert curve.default_fmr == curve.end  # 1e-4 is out of reach
    assert _share_above(vectors, threshold_for(curve, curve.end)) == 0


@pytest.mark.parametrize("rate", [0.1, 0.05, 0.02, 0.007])
def test_people_who_were_not_there_match_more_rarely_than_the_rate(rate: float) -> None:
    """Twenty draws of other people: the mean stays below, and 19 of 20 do or nearly so."""
    held = _vectors(600, seed=99)
    shares = [
        _share_above(held, threshold_for(measure_curve(v, _names(60), data="drawn"), rate))
        for v in (_vectors(60, seed) for seed in range(20))
    ]
    assert np.mean(shares) < rate
    assert sum(share <= rate for share in shares) >= 17


def test_people_who_look_alike_raise_the_interval_of_people_alone() -> None:
    """Ten pictures each: the pairs of two people go together, and count little more."""
    vectors = _vectors(40)
    many = np.repeat(vectors, 10, axis=0)
    one = measure_curve(vectors, _names(40), data="drawn")
    ten = measure_curve(many, _names(40, 10), data="drawn")
    assert ten.pairs == 100 * one.pairs
    for rate in (0.1, 0.05, 0.02):
        counted = np.quantile((unit(vectors) @ unit(vectors).T)[np.triu_indices(40, 1)], 1 - rate)
        assert threshold_for(ten, rate) > counted
        assert threshold_for(ten, rate) <= threshold_for(one, rate) + 1e-6


def test_pictures_of_one_person_are_no_pair() -> None:
    same = np.repeat(_vectors(12), 2, axis=0)
    assert measure_curve(same, _names(12, 2), data="drawn").points[-1][1] < 0.999


def test_a_curve_is_the_same_again() -> None:
    assert measure_curve(_vectors(30), _names(30), data="d") == measure_curve(
        _vectors(30), _names(30), data="d"
    )


CURVE = MatchCurve(
    points=((0.1, 0.2), (0.01, 0.4), (0.003, 0.5)), pairs=1000, people=50, data="x",
    default_fmr=0.01,
)  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "wanted"), [(1.0, 0.2), (0.1, 0.2), (10**-1.5, 0.3), (0.01, 0.4), (0.003, 0.5)]
)
def test_a_rate_between_points_is_interpolated(rate: float, wanted: float) -> None:
    assert threshold_for(CURVE, rate) == pytest.approx(wanted)


def test_a_rate_below_the_end_is_refused_with_what_it_would_need() -> None:
    with pytest.raises(InputError, match=r"ends at 0.003.*3000 pairs.*78 people"):
        threshold_for(CURVE, 0.001)


@pytest.mark.parametrize("rate", [0.0, -1e-3, 1.5, float("nan")])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="above 0, at most 1"):
        threshold_for(CURVE, rate)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"points": ((0.01, 0.2), (0.1, 0.4))}, "falling rates"),
     ({"points": ((0.1, 0.4), (0.01, 0.2))}, "never fall"),
     ({"points": ((0.1, 0.4), (0.001, 0.5))}, "say nothing"),
     ({"points": ((0.1, 1.5),)}, "less than or equal to 1"),
     ({"default_fmr": 0.001}, "below the end")],
)  # fmt: skip
def test_a_curve_that_cannot_be_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MatchCurve(**{**CURVE.model_dump(), **change})


@pytest.mark.parametrize(
    ("vectors", "names", "says"),
    [(_vectors(5), _names(4), "for each vector"), (_vectors(5), _names(5), "30 pairs"),
     (_vectors(40), ["one"] * 40, "30 pairs"),
     (np.full((40, 8), np.nan, np.float32), _names(40), "finite")],
)  # fmt: skip
def test_vectors_that_give_no_curve_are_refused(
    vectors: NDArray[np.float32], names: list[str], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        measure_curve(vectors, names, data="drawn")
