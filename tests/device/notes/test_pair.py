from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision.quads import to_quads
from edgecnn_device.notes.pair import NESTED, SAME_NOTE, Group, distinct, pair

Quads = NDArray[np.float32]
Oriented = tuple[float, float, float, float, float]


def _quads(*boxes: Oriented) -> Quads:
    """From middle, width, height and degrees."""
    rows = np.array(boxes, np.float64).reshape(-1, 5)
    return to_quads(np.asarray(rows * (1, 1, 1, 1, np.pi / 180), np.float32))


def _on(note: Oriented, x: float, y: float) -> Oriented:
    """Return a serial at a place of a note, -1..1 from its left to its right and down."""
    cx, cy, width, height, degrees = note
    turn = np.deg2rad(degrees)
    across, down = x * width / 2, y * height / 2
    middle = (
        across * np.cos(turn) - down * np.sin(turn),
        across * np.sin(turn) + down * np.cos(turn),
    )
    return cx + middle[0], cy + middle[1], width / 4, height / 8, degrees


A = (300.0, 200.0, 400.0, 170.0, 10.0)
B = (800.0, 300.0, 400.0, 170.0, -70.0)


def test_each_serial_goes_to_its_note() -> None:
    serials = _quads(_on(A, -0.6, -0.7), _on(B, 0.6, 0.7), _on(A, 0.6, 0.7), _on(B, -0.6, -0.7))
    groups = pair(_quads(A, B), serials, ["", "", "", ""])
    assert groups == (Group(0, (0, 2)), Group(1, (1, 3)))


def test_a_note_face_down_has_none() -> None:
    assert pair(_quads(A, B), _quads(_on(B, 0, 0.7)), [""]) == (Group(0, ()), Group(1, (0,)))


@pytest.mark.parametrize("upside_down", [0, 180])
def test_of_notes_in_a_fan_the_direction_tells(upside_down: float) -> None:
    fan = [(400.0, 300.0, 500.0, 210.0, angle) for angle in (-25.0, 0.0, 25.0)]
    serials = [(*_on(note, 0.5, 0.6)[:4], note[4] + upside_down) for note in fan]
    groups = pair(_quads(*fan), _quads(*serials), ["", "", ""])
    assert groups == tuple(Group(i, (i,)) for i in range(3))


def test_where_two_notes_lie_alike_an_equal_reading_tells() -> None:
    under = (420.0, 240.0, 400.0, 170.0, 10.0)
    both = _quads(A, under)
    serials = _quads(_on(A, -0.9, -0.8), _on(A, 0.6, 0.5), _on(under, 0.8, 0.8))
    assert pair(both, serials, ["X1", "x1", "Y2"])[:2] == (Group(0, (0, 1)), Group(1, (2,)))
    assert pair(both, serials, ["Y2", "X1", "X1"])[:2] == (Group(0, (0,)), Group(1, (1, 2)))


def test_serials_without_a_note_join_where_they_say_the_same() -> None:
    serials = _quads(_on(A, -0.6, -0.7), _on(B, 0, 0), _on(A, 0.6, 0.7), _on(A, 0.6, -0.7))
    groups = pair(_quads(), serials, ["Ab1", "", "aB1", ""])
    assert groups == (Group(None, (0, 2)), Group(None, (1,)), Group(None, (3,)))


@pytest.mark.parametrize(
    "serial",
    [
        (300, 200, 390, 20, 10),  # as long as the note
        (300, 200, 100, 20, 50),  # across it
        (520, 100, 100, 20, 10),  # beside it
        (300, 200, 800, 400, 10),  # around it
    ],
)
def test_what_cannot_be_the_serial_of_a_note_is_not(
    serial: Oriented,
) -> None:
    assert pair(_quads(A), _quads(serial), [""]) == (Group(0, ()), Group(None, (0,)))


def test_nothing_makes_no_groups() -> None:
    assert pair(_quads(), _quads(), []) == ()


def test_a_find_within_a_better_one_goes() -> None:
    whole, half = (300, 200, 200, 30, 5), (345, 204, 100, 28, 6)
    turned, other = (300, 200, 200, 30, 185), (300, 240, 200, 30, 5)
    assert distinct(_quads(whole, half, turned, other), NESTED) == (0, 3)
    assert distinct(_quads(half, whole), NESTED) == (0,)
    assert distinct(_quads(), NESTED) == ()


def test_notes_in_a_fan_stay() -> None:
    fan = [(400.0, 300.0, 500.0, 210.0, angle) for angle in (-15.0, 0.0, 15.0, 1.0)]
    assert distinct(_quads(*fan), SAME_NOTE) == (0, 1, 2)
