"""Suppression against the definition: one candidate at a time, best first."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression
from edgecnn.vision.boxes import from_centres, iou_matrix
from edgecnn.vision.nms import nms, rotated_nms, select, soft_nms, suppress
from edgecnn.vision.quads import quad_iou_matrix, to_quads

Floats = NDArray[np.float32]
Candidates = tuple[Floats, Floats, NDArray[np.int64]]


@st.composite
def candidates(draw: st.DrawFn, most: int = 25) -> Candidates:
    """Return (N, 5) oriented boxes in clusters, scores with ties among them, and classes."""
    number = draw(st.integers(0, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    middles = rng.choice((10, 14, 30), (number, 2)) + rng.normal(0, 2, (number, 2))
    sides = rng.choice((4, 8, 16), (number, 2)) * rng.uniform(0.8, 1.2, (number, 2))
    boxes = np.column_stack((middles, sides, rng.uniform(-3, 3, number))).astype(np.float32)
    if number > 4:
        boxes[rng.integers(number, size=3)] = boxes[0]  # copies
    scores = rng.choice(np.linspace(0, 1, 12), number).astype(np.float32)
    return boxes, scores, rng.integers(0, 3, number)


def _ious(boxes: Floats) -> NDArray[np.float32]:
    if boxes.shape[1] == 4:
        return iou_matrix(boxes, boxes)
    return quad_iou_matrix(to_quads(boxes), to_quads(boxes))


def _one_by_one(
    boxes: Floats, scores: Floats, classes: NDArray[np.int64], rules: Suppression
) -> list[tuple[int, float]]:
    """Return what the rules give, with the scores."""
    ious, current = _ious(boxes).astype(float), scores.astype(float).tolist()
    left = [k for k in range(len(boxes)) if scores[k] >= np.float32(rules.min_score)]
    left = sorted(left, key=lambda k: -current[k])[: rules.top_k]
    kept: list[tuple[int, float]] = []
    while left:
        best = max(left, key=lambda k: (current[k], scores[k], -k))
        left.remove(best)
        if current[best] < rules.min_score:
            break
        kept.append((best, current[best]))
        for k in list(left):
            if not rules.across and classes[k] != classes[best]:
                continue
            if rules.soft:
                current[k] *= math.exp(-(ious[best, k] ** 2) / 0.5)
            elif ious[best, k] > rules.iou:
                left.remove(k)
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))[: rules.max_found]


@given(
    candidates(), st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from((0.0, 0.3, 0.5, 0.9)),
    st.sampled_from((0.0, 0.25, 0.7)), st.integers(1, 30), st.integers(1, 12),
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_all_rules_at_once(
    made: Candidates, oriented: bool, soft: bool, across: bool, iou: float, min_score: float,
    top_k: int, most: int,
) -> None:  # fmt: skip
    turned, scores, classes = made
    boxes = turned if oriented else from_centres(turned[:, :4])
    rules = Suppression(min_score=min_score, top_k=top_k, iou=iou, across=across, soft=soft,
                        max_found=most)  # fmt: skip
    assume(not (np.abs(_ious(boxes) - iou) < 1e-5)[_ious(boxes) > 0].any())  # rounding decides
    wanted = _one_by_one(boxes, scores, classes, rules)
    places, values = suppress(boxes, scores, classes, rules)
    assert places.dtype == np.int64 and values.dtype == np.float32
    assert values == pytest.approx(np.array([v for _, v in wanted]), abs=1e-5)
    if not soft:  # rounding may swap equals that were lowered
        assert places.tolist() == [k for k, _ in wanted]


@given(candidates(), st.floats(0, 1, width=32), st.integers(1, 30))
@settings(deadline=None)
def test_select_takes_the_best_and_the_earlier_of_equals(
    made: Candidates, least: float, most: int
) -> None:
    scores = made[1]
    wanted = sorted((k for k, s in enumerate(scores.tolist()) if s >= least),
                    key=lambda k: (-scores[k], k))[:most]  # fmt: skip
    assert select(scores, least, most).tolist() == wanted


def _upright(oriented: Floats, scores: Floats) -> list[int]:
    return list(nms(from_centres(oriented[:, :4]), scores, 0.5))


def _turned(oriented: Floats, scores: Floats) -> list[int]:
    return list(rotated_nms(oriented, scores, 0.5))


def _softly(oriented: Floats, scores: Floats) -> list[int]:
    return list(soft_nms(from_centres(oriented[:, :4]), scores, 0.3)[0])


def _softly_turned(oriented: Floats, scores: Floats) -> list[int]:
    return list(soft_nms(oriented, scores, 0.3)[0])


WAYS = pytest.mark.parametrize("way", [_upright, _turned, _softly, _softly_turned])
Way = Callable[[Floats, Floats], list[int]]
BOX = (20, 20, 10, 6, 0.5)


@WAYS
def test_none_one_and_many_of_the_same(way: Way) -> None:
    assert way(np.zeros((0, 5), np.float32), np.zeros(0, np.float32)) == []
    assert way(np.array((BOX,), np.float32), np.array((0.4,), np.float32)) == [0]
    scores = np.linspace(0.31, 0.9, 2000, dtype=np.float32)
    assert way(np.array((BOX,) * 2000, np.float32), scores) == [1999]


@WAYS
def test_what_is_no_number_is_never_given_and_drops_nothing(way: Way) -> None:
    boxes = np.array((BOX,) * 6, np.float32)
    boxes[0, 0], boxes[1, 1], boxes[2, 2] = np.nan, np.inf, -np.inf
    scores = np.array((0.9, 0.9, 0.9, np.nan, np.inf, 0.4), np.float32)
    assert way(boxes, scores) == [5]
    assert way(boxes[:4], scores[:4]) == []


@WAYS
def test_boxes_without_an_area_overlap_nothing(way: Way) -> None:
    """OpenCV takes two of them for one, wherever they are."""
    boxes = np.array((BOX, (20, 20, 0, 0, 0), (90, 90, 0, 5, 0), (20, 20, 0, 0, 0)), np.float32)
    assert way(boxes, np.array((0.9, 0.8, 0.7, 0.6), np.float32)) == [0, 1, 2, 3]


@WAYS
def test_a_small_box_within_a_large_one_stays(way: Way) -> None:
    """OpenCV's rotated suppression drops it."""
    boxes = np.array(((50, 50, 90, 90, 0.3), (50, 50, 9, 9, 1)), np.float32)
    assert way(boxes, np.array((0.9, 0.8), np.float32)) == [0, 1]


@WAYS
def test_of_equals_the_earlier_stays(way: Way) -> None:
    boxes = np.array(((80, 80, 5, 5, 0), BOX, BOX, BOX), np.float32)
    scores = np.full(4, 0.5, np.float32)
    assert way(boxes, scores)[:2] == [0, 1]
    if way in (_upright, _turned):
        assert way(boxes, scores) == [0, 1]


def test_a_score_of_0_is_a_score() -> None:
    boxes = np.array(((0, 0, 5, 5), (20, 20, 30, 30)), np.float32)
    rules = Suppression(min_score=0)
    places, values = suppress(boxes, np.zeros(2, np.float32), np.zeros(2, np.int64), rules)
    assert (places.tolist(), values.tolist()) == ([0, 1], [0, 0])
    assert select(np.array((np.nan, 0.2, np.inf), np.float32), 0, 9).tolist() == [1]


def test_many_turned_boxes_go_in_blocks() -> None:
    """More than are compared at once, and the same as one at a time."""
    rng = np.random.default_rng(0)
    boxes = np.column_stack((rng.uniform(0, 90, (1300, 2)), rng.uniform(5, 9, (1300, 2)),
                             rng.uniform(-3, 3, 1300))).astype(np.float32)  # fmt: skip
    scores = rng.permutation(np.linspace(0, 1, 1300)).astype(np.float32)
    rules = Suppression(min_score=0, top_k=2000, iou=0.3, max_found=2000, across=True)
    wanted = _one_by_one(boxes, scores, np.zeros(1300, np.int64), rules)
    assert rotated_nms(boxes, scores, 0.3).tolist() == [k for k, _ in wanted]
