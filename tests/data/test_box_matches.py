"""Resampling pictures, and curves, on matches made by hand: no pycocotools needed."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.data.box_curves import CurvePoint, curve_of
from edgecnn.data.box_matches import (
    DRAWS,
    Matches,
    class_intervals,
    map50_interval,
    mean_ap,
    paired_map50_drop,
)
from edgecnn.errors import DataError


def _matches(pictures: int, recall: float, seed: int = 0, alarms: int = 2) -> Matches:
    """Pictures with two boxes of class 0 and every other with one of class 1."""
    rng = np.random.default_rng(seed)
    truth = np.column_stack((np.full(pictures, 2), np.arange(pictures) % 2))
    rows = [
        (picture, label, hit)
        for picture in range(pictures)
        for label in (0, 1)
        for hit in [True] * rng.binomial(truth[picture, label], recall) + [False] * alarms
    ]
    places, labels, hits = (np.array(column) for column in zip(*rows, strict=True))
    scores = np.where(hits, rng.uniform(0.3, 1, len(hits)), rng.uniform(0, 0.7, len(hits)))
    order = np.argsort(-scores, kind="stable")
    return Matches(places[order], labels[order], scores[order], hits[order], truth)


def _slow_map50(matches: Matches, pictures: list[int]) -> float:
    """The definition, with the pictures one after another."""
    aps = []
    for label in range(matches.truth.shape[1]):
        total = matches.truth[pictures, label].sum()
        if not total:
            continue
        mine = matches.classes == label
        copies = [pictures.count(p) for p in matches.pictures[mine].tolist()]
        hits = np.repeat(matches.hits[mine], copies)
        right = np.cumsum(hits)
        recall, precision = right / total, right / np.arange(1, len(hits) + 1)
        aps.append(np.mean([
            max(precision[recall >= r], default=0) for r in np.linspace(0, 1, 101)
        ]))  # fmt: skip
    return float(np.mean(aps))


@pytest.mark.parametrize("seed", range(6))
def test_map50_of_any_pictures_is_that_of_the_definition(seed: int) -> None:
    matches = _matches(8, 0.7, seed)
    drawn = np.random.default_rng(seed).integers(0, 8, 8).tolist()
    assert matches.map50_of(drawn) == pytest.approx(_slow_map50(matches, drawn), abs=1e-9)


def test_pictures_with_nothing_have_no_map() -> None:
    matches = _matches(4, 1.0)
    bare = Matches(matches.pictures, matches.classes, matches.scores, matches.hits,
                   matches.truth * np.array([[1], [1], [1], [0]]))  # fmt: skip
    assert np.isnan(bare.map50_of([3, 3]))
    assert mean_ap(np.array([[0.5, np.nan], [np.nan, np.nan]]))[0] == 0.5


@pytest.mark.parametrize("recall", [0.0, 0.6])
def test_the_interval_holds_the_value_and_narrows_with_pictures(recall: float) -> None:
    few, many = _matches(20, recall), _matches(320, recall)
    widths = []
    for matches in (few, many):
        low, high = map50_interval(matches)
        assert 0 <= low <= matches.map50() <= high <= 1
        widths.append(high - low)
    # The square root of 16 times as many is 4; with nothing found there is nothing to vary.
    assert widths[1] == 0 if recall == 0 else 2.5 < widths[0] / widths[1] < 6


def test_intervals_repeat_and_depend_on_the_seed() -> None:
    matches = _matches(20, 0.6)
    assert map50_interval(matches) == map50_interval(matches)
    assert map50_interval(matches) != map50_interval(matches, seed=1)


def test_the_interval_is_that_of_draws_one_by_one() -> None:
    matches = _matches(12, 0.6)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(12, np.full(12, 1 / 12), DRAWS)
    each = [matches.map50_of(np.repeat(np.arange(12), w)) for w in weights]
    assert map50_interval(matches) == pytest.approx(np.percentile(each, (2.5, 97.5)))


def test_the_interval_of_each_class() -> None:
    first, second = class_intervals(_matches(30, 0.6))
    assert 0 < first[0] < first[1] < 1
    assert first[1] - first[0] < second[1] - second[0]  # of the second there are a quarter as many
    bare = _matches(30, 0.6)
    bare.truth[:, 1] = 0
    assert np.isnan(class_intervals(bare)[1]).all()


def test_the_paired_interval_is_narrower_than_two_apart() -> None:
    better = _matches(60, 0.8)
    worse = Matches(better.pictures, better.classes, better.scores,
                    better.hits & (better.pictures % 10 != 0), better.truth)  # fmt: skip
    drop = paired_map50_drop(better, worse)
    assert drop.low < drop.points < drop.high
    assert drop.low > 0
    apart = [np.subtract(*map50_interval(m)[::-1]) for m in (better, worse)]
    assert drop.high - drop.low < 100 * np.hypot(*apart)
    back = paired_map50_drop(worse, better)
    assert (back.points, back.low, back.high) == pytest.approx(
        (-drop.points, -drop.high, -drop.low)
    )


def test_the_same_detector_drops_nothing() -> None:
    drop = paired_map50_drop(_matches(10, 0.6), _matches(10, 0.6))
    assert (drop.points, drop.low, drop.high) == (0, 0, 0)


def test_other_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="the same pictures, got 10 and 12"):
        paired_map50_drop(_matches(10, 0.6), _matches(12, 0.6))


def _one_class(scores: list[float], hits: list[bool], truth: int) -> Matches:
    zeros = np.zeros(len(scores), np.int64)
    return Matches(zeros, zeros, np.array(scores), np.array(hits, np.bool_), np.array([[truth]]))


def test_equal_scores_are_one_point_of_the_curve() -> None:
    curve = curve_of(_one_class([0.9, 0.5, 0.5, 0.5, 0.1], [True, True, False, False, True], 4), 0)
    assert curve.scores.tolist() == [0.9, 0.5, 0.1]
    assert curve.precision.tolist() == [1, 0.5, 0.6]
    assert curve.recall.tolist() == [0.25, 0.5, 0.75]
    assert curve.at(0.6) == CurvePoint(0.9, 1, 0.25)
    assert curve.at(0.5) == CurvePoint(0.5, 0.5, 0.5)
    assert curve.at(0.95) is None
    best = curve.best()
    assert best is not None and best.score == 0.1 and best.f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(("hits", "truth"), [([], 3), ([True], 0)])
def test_a_curve_without_detections_or_truth_is_empty(hits: list[bool], truth: int) -> None:
    curve = curve_of(_one_class([0.5] * len(hits), hits, truth), 0)
    assert (len(curve.scores), curve.best(), curve.at(0)) == (0, None, None)


def test_no_hit_has_an_f1_of_nothing() -> None:
    best = curve_of(_one_class([0.5], [False], 3), 0).best()
    assert best is not None and best.f1 == 0
