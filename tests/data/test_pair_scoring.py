"""Scores of pairs, on vectors whose angles are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.pair_scoring import score_vectors
from edgecnn.errors import DataError


def _at(*degrees: float) -> NDArray[np.float32]:
    angles = np.radians(degrees)
    return np.stack((np.cos(angles), np.sin(angles)), 1).astype(np.float32)


def test_people_who_are_apart_are_told_apart() -> None:
    score = score_vectors(_at(0, 5, 90, 95, 180, 185), np.array([0, 0, 1, 1, 2, 2]))
    assert (score.tar, score.eer, score.different) == (1.0, 0.0, 12)
    assert score.threshold == pytest.approx(np.cos(np.radians(85)), abs=1e-6)
    assert score.interval == (1.0, 1.0)


def test_no_pair_of_two_people_matches_where_there_are_few() -> None:
    # The nearest two of two people are 10 degrees apart; of a person's pairs one is nearer.
    score = score_vectors(_at(0, 4, 90, 80, 70), np.array([0, 0, 1, 2, 1]))
    assert (score.matched.tolist(), score.pairs.tolist()) == ([1, 0], [1, 1])
    assert score.tar == 0.5 and score.threshold == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert 0 < score.eer < 0.5


def test_one_in_a_hundred_pairs_of_two_people_may_match() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    people = np.repeat(np.arange(30), 2)
    score = score_vectors(vectors, people)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    one, two = np.triu_indices(60, 1)
    others = (units @ units.T)[one, two][people[one] != people[two]]
    assert (others > score.threshold).sum() == int(0.01 * len(others)) == 17
    assert score.different == len(others)


def test_a_threshold_of_another_model_is_kept_where_it_is_stricter() -> None:
    vectors, people = _at(0, 20, 90, 95), np.array([0, 0, 1, 1])
    assert score_vectors(vectors, people).tar == 1.0
    strict = score_vectors(vectors, people, least=0.99)
    assert (strict.tar, strict.threshold) == (0.5, 0.99)
    drop = score_vectors(vectors, people).drop_to(strict)
    assert drop.points == 50.0 and drop.low == 0.0 and drop.high == 100.0


@pytest.mark.parametrize("people", [[0, 0, 0], [0, 1, 2]])
def test_pictures_without_pairs_have_no_score(people: list[int]) -> None:
    with pytest.raises(DataError, match="two of at least one"):
        score_vectors(_at(0, 1, 2), np.array(people))


def test_vectors_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="finite"):
        score_vectors(np.full((4, 2), np.nan, np.float32), np.array([0, 0, 1, 1]))
