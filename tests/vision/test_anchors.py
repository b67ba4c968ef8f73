"""The decoder of anchors against one place at a time, and what it makes of bad outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn.bundle import InputSpec
from edgecnn.bundle.decode import AnchorsDecode, Suppression
from edgecnn.errors import BundleError
from edgecnn.vision.anchors import Detections, anchor_grid, decode_detections, decode_turns
from edgecnn.vision.placement import Placement, placement

Floats = NDArray[np.float32]
SPEC = InputSpec(width=32, height=16, mean=(0, 0, 0), std=(1, 1, 1), resize="letterbox")
PLACES = 4 * 2 * 2 + 2 * 1 * 1
Level = tuple[Floats, Floats]


def _rules(
    oriented: bool = False, points: tuple[str, ...] = (), **suppression: Any
) -> AnchorsDecode:
    return AnchorsDecode(
        labels=("a", "b", "c"), strides=(8, 16), anchors=(((8, 8), (12, 6)), ((20, 20),)),
        oriented=oriented, points=points, suppression=Suppression(**suppression),
    )  # fmt: skip


def _outputs(seed: int, numbers: int = 4) -> list[Floats]:
    rng = np.random.default_rng(seed)
    sizes = ((1, 16, numbers), (1, 16, 3), (1, 2, numbers), (1, 2, 3))
    return [rng.normal(0, 0.4 if s[2] == numbers else 2, s).astype(np.float32) for s in sizes]


def _decode(
    outputs: list[Floats], rules: AnchorsDecode, size: tuple[int, int] = (64, 24)
) -> Detections:
    return decode_detections(outputs, rules, placement(size, SPEC))


def _every_box(outputs: list[Floats], place: Placement) -> list[tuple[float, int, list[float]]]:
    """Return score, class and box of every place and class, by the formulas."""
    found = []
    for level, (stride, anchors) in enumerate(((8, ((8, 8), (12, 6))), (16, ((20, 20),)))):
        raw, logits = outputs[2 * level][0], outputs[2 * level + 1][0]
        for k, (numbers, scores) in enumerate(zip(raw.tolist(), logits.tolist(), strict=True)):
            cell, (width, height) = k // len(anchors), anchors[k % len(anchors)]
            row, column = divmod(cell, 32 // stride)
            x = (column + 0.5) * stride + numbers[0] * width
            y = (row + 0.5) * stride + numbers[1] * height
            w, h = width * math.exp(numbers[2]), height * math.exp(numbers[3])
            corners = x - w / 2, y - h / 2, x + w / 2, y + h / 2
            box = [min(max(c / place.scale[n % 2], 0), place.picture[n % 2])
                   for n, c in enumerate(corners)]  # fmt: skip
            found += [(1 / (1 + math.exp(-s)), name, box) for name, s in enumerate(scores)]
    return found


@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.3, 0.8)), st.integers(1, 60))
@settings(deadline=None)
def test_without_suppression_every_good_box_is_given(seed: int, least: float, most: int) -> None:
    outputs, place = _outputs(seed), placement((64, 24), SPEC)
    found = _decode(outputs, _rules(min_score=least, iou=1, top_k=60, max_found=most))
    wanted = [x for x in _every_box(outputs, place)
              if x[0] >= least and x[2][0] < x[2][2] and x[2][1] < x[2][3]]  # fmt: skip
    wanted = sorted(wanted, key=lambda x: -x[0])[:most]
    assert found.scores == pytest.approx(np.array([x[0] for x in wanted]), abs=1e-5)
    assert found.classes.tolist() == [x[1] for x in wanted]
    assert found.boxes == pytest.approx(np.array([x[2] for x in wanted]).reshape(-1, 4), abs=1e-3)
    assert found.quads is None


def test_a_turned_box_has_the_axis_of_one_pair_and_the_direction_of_the_other() -> None:
    outputs = [np.full(x.shape, -9, np.float32) for x in _outputs(0, 8)]
    outputs[0][0, 5], outputs[1][0, 5, 1] = (0, 0, 0, 0, 0.1, 1, -3, 0), 2
    found = _decode(outputs, _rules(oriented=True))
    # Anchor 2 of cell 3: middle (20, 4), 12 x 6, a quarter turn; the picture is twice as large.
    assert found.quads == pytest.approx(
        np.array([[(46, -4), (46, 20), (34, 20), (34, -4)]], np.float32), abs=1e-4
    )
    assert found.boxes == pytest.approx(np.array([[34, 0, 46, 20]]), abs=1e-4)
    assert found.classes.tolist() == [1]
    assert found.scores == pytest.approx([1 / (1 + math.exp(-2))])


@pytest.mark.parametrize("angle", np.linspace(-3.1, 3.1, 9))
def test_turns_are_undone_whatever_the_length_of_the_pairs(angle: float) -> None:
    turn = np.array((np.cos(angle), np.sin(angle))) * 0.2
    twice = np.array((np.cos(2 * angle), np.sin(2 * angle))) * 7
    raw = np.concatenate((turn, twice)).astype(np.float32)[None]
    assert decode_turns(raw) == pytest.approx([angle], abs=1e-4)
    raw[0, :2] = np.cos(angle + 1), np.sin(angle + 1)  # a vague direction leaves the axis alone
    assert decode_turns(raw) == pytest.approx([angle], abs=1e-4)


@pytest.mark.parametrize("oriented", [False, True])
def test_bad_numbers_are_never_given_nor_warned_of(oriented: bool) -> None:
    outputs = [np.full(x.shape, 500, np.float32) for x in _outputs(0, 8 if oriented else 4)]
    bad = (np.nan, np.inf, -np.inf, 3e38, -3e38)
    for k, value in enumerate(bad):
        outputs[0][0, k, k % 4] = value
        outputs[1][0, 5 + k, 0] = value
    outputs[0][0, 12:, :4] = 0
    outputs[1][0, 12, :] = (-3e38, -np.inf, np.nan)
    found = _decode(outputs, _rules(oriented, min_score=0, iou=1, max_found=1000))
    assert len(found.boxes) and np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert (found.boxes >= 0).all() and (found.boxes <= np.array((64, 24, 64, 24))).all()


def test_what_lies_in_the_padding_is_not_given_and_drops_nothing() -> None:
    outputs = [np.full(x.shape, -9, np.float32) for x in _outputs(0)]
    for x in outputs[0::2]:
        x[:] = 0
    outputs[1][0, 8, 0] = 5  # the lower row of cells: below y = 12 there is no picture
    outputs[0][0, 8] = (0, 0.6, 0, 0)
    outputs[1][0, 0, 0] = 1
    found = _decode(outputs, _rules())
    assert found.boxes.tolist() == [[0, 0, 16, 16]]


@pytest.mark.parametrize("oriented", [False, True])
def test_nothing_found_is_empty(oriented: bool) -> None:
    outputs = [np.full(x.shape, -50, np.float32) for x in _outputs(0, 8 if oriented else 4)]
    found = _decode(outputs, _rules(oriented))
    assert (found.boxes.shape, found.scores.shape, found.classes.shape) == ((0, 4), (0,), (0,))
    assert (found.quads is not None) == oriented


@pytest.mark.parametrize(
    "shapes",
    [
        (), ((16,), (16,)), ((1, 18, 4),), ((1, 18, 6), (1, 18, 3)), ((1, 18, 4), (1, 18, 2)),
        ((1, 17, 4), (1, 17, 3)), ((2, 18, 4), (2, 18, 3)), ((18, 4), (18, 3)),
        ((1, 18, 4), (1, 16, 3), (1, 0, 4), (1, 2, 3)),
    ],
)  # fmt: skip
def test_outputs_that_do_not_fit_are_told(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(BundleError, match="expected 18 places in 2 levels"):
        _decode([np.zeros(s, np.float32) for s in shapes], _rules())


def test_levels_in_one_are_decoded_as_levels_apart() -> None:
    outputs = _outputs(4)
    joined = [np.concatenate(outputs[0::2], 1), np.concatenate(outputs[1::2], 1)]
    apart, together = (_decode(x, _rules(min_score=0.1)) for x in (outputs, joined))
    assert np.array_equal(apart.boxes, together.boxes)
    assert np.array_equal(apart.scores, together.scores)


def test_the_grid_covers_an_input_that_is_no_multiple_of_a_stride() -> None:
    assert len(anchor_grid(_rules(), 32, 16)) == PLACES
    grid = anchor_grid(_rules(), 33, 16)
    assert len(grid) == 5 * 2 * 2 + 3
    assert not grid.flags.writeable


def test_points_are_offsets_in_units_of_the_anchor() -> None:
    outputs = [np.full(x.shape, -9, np.float32) for x in _outputs(0, 8)]
    outputs[0][0, 5], outputs[1][0, 5, 1] = (0, 0, 0, 0, 0.25, 0.5, -3, 0), 2
    found = _decode(outputs, _rules(points=("tip", "tail")))
    # Anchor 2 of cell 3: middle (20, 4), 12 x 6; the picture is twice as large, and points count
    # from the middle of its first pixel.
    assert found.points is not None
    assert found.points == pytest.approx(np.array([[(45.5, 13.5), (-32.5, 7.5)]]), abs=1e-4)
    assert found.boxes == pytest.approx(np.array([[28, 2, 52, 14]]), abs=1e-4)
    assert found.quads is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_box_whose_point_is_nowhere_is_not_given(value: float) -> None:
    outputs = [np.full(x.shape, -9, np.float32) for x in _outputs(0, 6)]
    outputs[0][0, 0], outputs[1][0, 0] = (0, 0, 0, 0, value, 0), 2
    assert len(_decode(outputs, _rules(points=("tip",))).boxes) == 0


def test_nothing_found_has_no_points_and_other_numbers_are_refused() -> None:
    outputs = [np.full(x.shape, -9, np.float32) for x in _outputs(0, 6)]
    found = _decode(outputs, _rules(points=("tip",)))
    assert found.points is not None and found.points.shape == (0, 1, 2)
    with pytest.raises(BundleError, match="boxes of 8 and"):
        _decode(outputs, _rules(points=("tip", "tail")))


def test_oriented_boxes_have_no_points() -> None:
    with pytest.raises(ValueError, match="give one of the two"):
        _rules(oriented=True, points=("tip",))
