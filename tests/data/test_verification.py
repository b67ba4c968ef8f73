from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.face_pairs import FacePairs, Portrait
from edgecnn.data.verification import best_threshold, score_pairs
from edgecnn.errors import DataError


def _pairs(folds: int, number: int) -> FacePairs:
    """Return folds of `number` pairs of one person and as many of two, nobody in two pairs."""
    pairs = []
    for index in range(folds * 2 * number):
        name = f"p{index}"
        same = index % (2 * number) < number
        other = Portrait(name, 2) if same else Portrait(f"{name}-other", 1)
        pairs.append((Portrait(name, 1), other))
    return FacePairs(tuple(pairs), np.repeat(np.arange(folds), 2 * number))


def _scores(pairs: FacePairs, same: list[float], other: list[float]) -> NDArray[np.float32]:
    out = np.zeros(len(pairs.pairs), np.float32)
    out[pairs.same] = np.resize(same, int(pairs.same.sum()))
    out[~pairs.same] = np.resize(other, int((~pairs.same).sum()))
    return out


def test_apart_is_perfect() -> None:
    pairs = _pairs(3, 10)
    found = score_pairs(_scores(pairs, [0.8, 0.9], [0.1, 0.3]), pairs)
    assert (found.pairs, found.folds, found.failures) == (60, 3, 0)
    assert found.accuracy.value == found.tar[1e-3].value == 1
    assert (found.accuracy_std, found.eer.value) == (0, 0)


def test_a_face_that_is_not_found_is_an_error_at_every_threshold() -> None:
    pairs = _pairs(2, 10)
    scores = _scores(pairs, [0.8], [0.1])
    scores[[0, 19, 25]] = np.nan  # one of one person, one of two in fold 0; one of one in fold 1
    found = score_pairs(scores, pairs)
    assert found.failures == 3
    assert [i for i, right in enumerate(found.right) if not right] == [0, 19, 25]
    assert found.accuracy.value == pytest.approx((18 / 20 + 19 / 20) / 2)
    assert found.tar[1e-2].value == 0  # one of 20 pairs of two is accepted already
    assert found.eer.value == pytest.approx(0.1, abs=0.05)


def test_a_fold_is_judged_at_the_threshold_of_the_others() -> None:
    """Fold 0 has other scores: at its own threshold it would be perfect."""
    pairs = _pairs(2, 4)
    scores = _scores(pairs, [0.8], [0.2])
    scores[:8] = [0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2]
    found = score_pairs(scores, pairs)
    assert found.right[:4] == (False,) * 4
    assert found.right[4:8] == (True,) * 4
    assert found.accuracy_std > 0
    alone = score_pairs(scores, pairs, fold=0)
    assert (alone.pairs, alone.folds, alone.accuracy.value) == (8, 1, 0.5)
    with pytest.raises(DataError, match="from 1 to 2, got 3"):
        score_pairs(scores, pairs, fold=2)


@pytest.mark.parametrize(("shift", "wanted"), [(2.0, 0.1587), (1.0, 0.3085), (0.0, 0.5)])
def test_the_equal_error_rate_of_two_bells(shift: float, wanted: float) -> None:
    pairs = _pairs(1, 4000)
    rng = np.random.default_rng(0)
    same, other = rng.normal(0.1 * shift, 0.1, 4000), rng.normal(0, 0.1, 4000)
    found = score_pairs(_scores(pairs, same.tolist(), other.tolist()), pairs)
    assert found.eer.value == pytest.approx(wanted, abs=0.015)
    assert found.eer.low < found.eer.value < found.eer.high
    limit = np.sort(other)[-41]
    assert found.tar[1e-2].value == pytest.approx(float((same > limit).mean()), abs=1e-6)


def test_people_who_are_in_many_pairs_widen_the_interval() -> None:
    """The same numbers of ten people say less than of four hundred."""
    many = _pairs(1, 200)
    pairs = [(Portrait(f"p{i % 10}", 1), Portrait(f"p{i % 10}", 2 + i)) for i in range(200)]
    pairs += [(Portrait(f"p{i % 10}", 1), Portrait(f"p{(i + 1 + i % 9) % 10}", 1 + i))
              for i in range(200)]  # fmt: skip
    few = FacePairs(tuple(pairs), many.folds)
    good = [0.9, 0.1, 0.8, 0.7, 0.9, 0.9, 0.2, 0.9, 0.9, 0.9]  # two of the ten are never matched
    widths = []
    for chosen in (many, few):
        eer = score_pairs(_scores(chosen, good, [0.3]), chosen).tar[1e-2]
        widths.append(eer.high - eer.low)
    assert widths[1] > 2 * widths[0]


def test_the_best_threshold_lies_midway() -> None:
    same = np.array([True, True, False, False])
    assert best_threshold(np.array([0.9, 0.7, 0.3, 0.1]), same) == pytest.approx(0.5)


def test_pairs_of_one_kind_cannot_be_scored() -> None:
    pairs = _pairs(1, 3)
    alone = FacePairs(pairs.pairs[:3], pairs.folds[:3])
    with pytest.raises(DataError, match="both kinds"):
        score_pairs(np.zeros(3, np.float32), alone)
    with pytest.raises(DataError, match="each of 6 pairs"):
        score_pairs(np.zeros(5, np.float32), pairs)
