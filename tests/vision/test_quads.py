"""Oriented boxes against a count of points and a polygon clipped edge by edge."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn.vision.boxes import iou_matrix
from edgecnn.vision.quads import (
    box_quads,
    from_quads,
    hulls,
    quad_areas,
    quad_iou_matrix,
    quad_ious,
    to_quads,
    touching,
)

Floats = NDArray[np.float32]
Point = tuple[float, float]
SIDES = st.floats(0.5, 40, width=32)
ORIENTED = st.lists(
    st.tuples(st.floats(-30, 30, width=32), st.floats(-30, 30, width=32), SIDES, SIDES,
              st.floats(-3.125, 3.125, width=32)), min_size=1, max_size=4,
).map(lambda rows: np.array(rows, np.float32))  # fmt: skip
GRID = st.lists(st.integers(0, 6), min_size=4, max_size=4)


def _cut(polygon: list[Point], a: Point, b: Point) -> list[Point]:
    """Return the part of a polygon to the right of a -> b, as one sees it: Sutherland, Hodgman."""

    def inside(p: Point) -> float:
        return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])

    out: list[Point] = []
    for p, q in pairwise([*polygon, *polygon[:1]]):
        here, there = inside(p), inside(q)
        if here >= 0:
            out.append(p)
        if (here < 0) != (there < 0):
            t = here / (here - there)
            out.append((p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])))
    return out


def _polygon_area(points: list[Point]) -> float:
    closed = [*points, *points[:1]]
    return sum(p[0] * q[1] - p[1] * q[0] for p, q in pairwise(closed)) / 2


def _clipped_iou(a: Floats, b: Floats) -> float:
    first, second = ([(float(x), float(y)) for x, y in quad] for quad in (a, b))
    common = first
    for p, q in pairwise([*second, second[0]]):
        common = _cut(common, p, q)
    shared = _polygon_area(common)
    return shared / (_polygon_area(first) + _polygon_area(second) - shared)


@given(ORIENTED)
@settings(deadline=None)
def test_quads_are_undone(oriented: Floats) -> None:
    back = from_quads(to_quads(oriented))
    assert back[:, :4] == pytest.approx(oriented[:, :4], abs=1e-3)
    turn = np.angle(np.exp(1j * (back[:, 4] - oriented[:, 4]).astype(np.float64)))
    assert np.abs(turn * oriented[:, 2:4].min(1)).max() < 1e-3
    assert quad_areas(to_quads(oriented)) == pytest.approx(oriented[:, 2] * oriented[:, 3], 1e-3)


def test_corners_go_clockwise_from_the_things_own_top_left() -> None:
    upright, quarter = to_quads(np.array(((5, 5, 4, 2, 0), (5, 5, 4, 2, np.pi / 2)), np.float32))
    assert upright.tolist() == [[3, 4], [7, 4], [7, 6], [3, 6]]
    assert quarter == pytest.approx(np.array(((6, 3), (6, 7), (4, 7), (4, 3))))


@given(ORIENTED, ORIENTED)
@settings(deadline=None)
def test_iou_is_that_of_clipped_polygons(a: Floats, b: Floats) -> None:
    first, second = to_quads(a), to_quads(b)
    got = quad_iou_matrix(first, second)
    wanted = [[_clipped_iou(p, q) for q in second] for p in first]
    assert got == pytest.approx(np.array(wanted), abs=2e-4)
    assert quad_iou_matrix(first[:, ::-1], second) == pytest.approx(got, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_iou_is_that_of_counted_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    two = np.column_stack((rng.uniform(40, 60, (2, 2)), rng.uniform(15, 60, (2, 2)),
                           rng.uniform(-3, 3, 2))).astype(np.float32)  # fmt: skip
    y, x = (np.mgrid[:1000, :1000] + 0.5) / 10
    masks = []
    for cx, cy, width, height, angle in two.tolist():
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        masks.append((np.abs(along) < width / 2) & (np.abs(across) < height / 2))
    wanted = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    quads = to_quads(two)
    assert quad_ious(quads[:1], quads[1:])[0] == pytest.approx(wanted, abs=3e-3)


@given(GRID, GRID)
@settings(deadline=None)
def test_upright_quads_that_share_edges_and_corners_are_as_boxes(
    a: list[int], b: list[int]
) -> None:
    first, second = (
        np.array([(min(x[0], x[2]), min(x[1], x[3]), max(x[0], x[2]), max(x[1], x[3]))], np.float32)
        for x in (a, b)
    )
    got = quad_iou_matrix(box_quads(first), box_quads(second))
    assert got == pytest.approx(iou_matrix(first, second), abs=1e-6)
    assert np.array_equal(hulls(box_quads(first)), first)


@given(SIDES, SIDES, st.floats(-3.125, 3.125), st.floats(-1, 1))
@settings(deadline=None)
def test_a_box_moved_along_its_own_edge(w: float, h: float, angle: float, share: float) -> None:
    """Their long edges all but coincide, where OpenCV errs: tests/bench/quad_overlaps.py."""
    moved = (300 + share * w * np.cos(angle), 700 + share * w * np.sin(angle), w, h, angle)
    two = to_quads(np.array(((300, 700, w, h, angle), moved), np.float32))
    wanted = (1 - abs(share)) / (1 + abs(share))
    rounding = 2e-3 / min(w, h)
    assert quad_ious(two[:1], two[1:])[0] == pytest.approx(wanted, abs=rounding)


def test_bad_quads_overlap_nothing() -> None:
    plain = box_quads(np.array(((0, 0, 10, 10),), np.float32))
    point, line, bow, nan, inf, huge = (np.array(q, np.float32)[None] for q in (
        ((5, 5),) * 4, ((0, 0), (9, 9), (9, 9), (0, 0)), ((0, 0), (10, 10), (10, 0), (0, 10)),
        ((np.nan, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (np.inf, 0), (np.inf, 9), (0, 9)),
        ((-1e30, -1e30), (1e30, -1e30), (1e30, 1e30), (-1e30, 1e30)),
    ))  # fmt: skip
    for bad in (point, line, nan, inf):
        assert quad_iou_matrix(plain, bad) == quad_iou_matrix(bad, bad) == 0
    assert 0 <= quad_iou_matrix(plain, bow)[0, 0] <= 1
    assert quad_iou_matrix(huge, huge) == 1
    none = np.zeros((0, 4, 2), np.float32)
    assert quad_iou_matrix(none, plain).shape == (0, 1)
    assert quad_iou_matrix(plain, none).shape == (1, 0)
    assert to_quads(np.zeros((0, 5), np.float32)).shape == none.shape
    assert from_quads(none).shape == (0, 5)


def test_touching_finds_every_pair_that_shares_an_area() -> None:
    boxes = np.random.default_rng(0).integers(0, 6, (30, 4)).astype(np.float32)
    i, j = touching(boxes[:12], boxes[12:])
    found = set(zip(i.tolist(), j.tolist(), strict=True))
    sharing = np.argwhere(iou_matrix(boxes[:12], boxes[12:]) > 0)
    assert {(a, b) for a, b in sharing.tolist()} <= found
