"""Upright boxes against loops over single boxes that anyone can check."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgecnn.vision.boxes import (
    box_areas,
    clip_boxes,
    from_centres,
    from_sides,
    giou_matrix,
    iou_matrix,
    to_centres,
    to_sides,
)

Boxes = NDArray[np.float32]
NUMBERS = st.one_of(
    st.integers(-20, 60).map(float), st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
)
BOXES = st.integers(0, 6).flatmap(lambda n: arrays(np.float32, (n, 4), elements=NUMBERS))
ODD = np.array(
    ((0, 0, 10, 10), (5, 5, 5, 9), (8, 8, 2, 2), (np.nan, 0, 1, 1), (0, 0, np.inf, np.inf),
     (-np.inf, 0, np.inf, 5), (-1e38, -1e38, 1e38, 1e38), (-3e38, 0, 3e38, 1)), np.float32,
)  # fmt: skip
"""A plain one, empty ones, ones that are not finite, and larger than the square root of float32."""


def _area(x1: float, y1: float, x2: float, y2: float) -> float:
    return max(x2 - x1, 0) * max(y2 - y1, 0)


def _overlap(p: list[float], q: list[float]) -> tuple[float, float, float]:
    """Return areas of intersection, union and the smallest box around both."""
    common = _area(max(p[0], q[0]), max(p[1], q[1]), min(p[2], q[2]), min(p[3], q[3]))
    around = _area(min(p[0], q[0]), min(p[1], q[1]), max(p[2], q[2]), max(p[3], q[3]))
    return common, _area(*p) + _area(*q) - common, around


def _sorted(boxes: Boxes) -> Boxes:
    """Return boxes whose sides are not negative."""
    return np.concatenate(
        (np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])), 1
    )


@given(BOXES)
@settings(deadline=None)
def test_conversions_are_undone(boxes: Boxes) -> None:
    scale = 1e-6 * (1 + float(np.abs(boxes).max(initial=0)))
    assert from_centres(to_centres(boxes)) == pytest.approx(boxes, abs=2 * scale)
    assert from_sides(to_sides(boxes)) == pytest.approx(boxes, abs=2 * scale)
    assert to_sides(boxes).dtype == to_centres(boxes).dtype == np.float32


@given(BOXES, st.tuples(st.integers(1, 50), st.integers(1, 50)))
@settings(deadline=None)
def test_clipped_boxes_lie_inside_and_lose_only_what_was_outside(
    boxes: Boxes, size: tuple[int, int]
) -> None:
    picture = [0.0, 0.0, *map(float, size)]
    for box, clipped in zip(_sorted(boxes).tolist(), clip_boxes(_sorted(boxes), size).tolist(),
                            strict=True):  # fmt: skip
        assert 0 <= clipped[0] <= clipped[2] <= size[0]
        assert 0 <= clipped[1] <= clipped[3] <= size[1]
        assert _area(*clipped) == pytest.approx(_overlap(box, picture)[0], rel=1e-4, abs=1e-4)


@given(BOXES, BOXES)
@settings(deadline=None)
def test_iou_and_giou_are_those_of_single_boxes(a: Boxes, b: Boxes) -> None:
    ious, gious = iou_matrix(a, b), giou_matrix(a, b)
    assert ious.shape == gious.shape == (len(a), len(b))
    assert ious.dtype == gious.dtype == np.float32
    for i, p in enumerate(a.tolist()):
        for j, q in enumerate(b.tolist()):
            common, union, around = _overlap(p, q)
            iou = common / union if common > 0 else 0
            apart = (around - union) / around if around > 0 else 0
            assert ious[i, j] == pytest.approx(iou, abs=1e-5)
            assert gious[i, j] == pytest.approx(iou - apart, abs=1e-5)
    assert np.array_equal(ious, iou_matrix(b, a).T)


def test_bad_boxes_overlap_nothing_and_nothing_is_nan() -> None:
    ious, gious = iou_matrix(ODD, ODD), giou_matrix(ODD, ODD)
    assert np.isfinite(ious).all() and np.isfinite(gious).all()
    finite = np.isfinite(ODD).all(1)
    assert np.diag(ious).tolist() == [1, 0, 0, 0, 0, 0, 1, 1]
    assert not ious[~finite].any() and not ious[:, ~finite].any()
    assert (gious[~finite] == -1).all()
    assert gious[0, 1] == -0.0 or gious[0, 1] == pytest.approx(0)  # a line inside it
    assert box_areas(ODD[:3]).tolist() == [100, 0, 0]


def test_no_boxes_give_empty_arrays() -> None:
    none = np.zeros((0, 4), np.float32)
    assert iou_matrix(none, ODD).shape == (0, len(ODD))
    assert giou_matrix(ODD, none).shape == (len(ODD), 0)
    assert clip_boxes(none, (5, 5)).shape == to_centres(none).shape == (0, 4)
    assert box_areas(none).shape == (0,)


def test_what_is_not_a_number_stays_so_when_clipped() -> None:
    clipped = clip_boxes(ODD[3:5], (7, 5))
    assert np.isnan(clipped[0, 0])
    assert clipped[1].tolist() == [0, 0, 7, 5]
