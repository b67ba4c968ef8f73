from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn_device.notes.track import QuadTracker, affinities

NOTHING = np.zeros((0, 4, 2), np.float32)


def _quads(
    *places: tuple[float, float], width: float = 200, height: float = 90
) -> NDArray[np.float32]:
    """Upright quads with these middles."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
    return np.array([corners + place for place in places], np.float32)


def test_what_moves_a_little_stays_one_track() -> None:
    tracker = QuadTracker(max_missed=2)
    for step in range(20):
        matches = tracker(_quads((100 + 30 * step, 300)))
        assert matches.tracks == (0,) and matches.ended == ()


def test_two_notes_keep_their_tracks_whatever_their_order() -> None:
    tracker = QuadTracker(max_missed=2)
    assert tracker(_quads((100, 100), (100, 220))).tracks == (0, 1)
    assert tracker(_quads((110, 225), (105, 100))).tracks == (1, 0)


def test_what_appears_far_away_is_another_track() -> None:
    tracker = QuadTracker(max_missed=2)
    tracker(_quads((100, 100)))
    assert tracker(_quads((100, 100), (600, 100))).tracks == (0, 1)


@pytest.mark.parametrize("missed", [0, 1, 3])
def test_a_track_ends_when_it_is_missed_too_often(missed: int) -> None:
    tracker = QuadTracker(max_missed=missed)
    tracker(_quads((100, 100)))
    assert all(tracker(NOTHING).ended == () for _ in range(missed))
    assert tracker(NOTHING).ended == (0,)
    assert tracker(_quads((100, 100))).tracks == (1,)


def test_a_track_missed_for_a_while_goes_on() -> None:
    tracker = QuadTracker(max_missed=2)
    for _ in range(4):
        assert tracker(_quads((100, 100))).tracks == (0,)
        assert tracker(NOTHING).ended == tracker(NOTHING).ended == ()


def test_a_serial_alone_continues_its_note() -> None:
    tracker = QuadTracker(max_missed=2)
    tracker(_quads((100, 100)))
    assert tracker(_quads((40, 75), width=70, height=14)).tracks == (0,)


def test_the_nearer_of_two_overlapping_notes_continues_a_track() -> None:
    tracker = QuadTracker(max_missed=2)
    tracker(_quads((100, 100)))
    assert tracker(_quads((140, 130), (102, 101))).tracks == (1, 0)


def test_quads_without_area_or_number_are_tracks_of_their_own() -> None:
    tracker = QuadTracker(max_missed=0)
    broken = np.concatenate((_quads((100, 100)), np.full((1, 4, 2), np.nan, np.float32)))
    assert tracker(broken).tracks == (0, 1)
    again = tracker(broken)
    assert again.tracks == (0, 2) and again.ended == (1,)
    assert affinities(_quads((5, 5), width=0, height=0), _quads((5, 5), width=0, height=0)) == 0


def test_affinity_falls_with_distance() -> None:
    there = _quads((0, 0))
    values = [float(affinities(there, _quads((x, 0)))[0, 0]) for x in (0, 20, 60, 100, 400)]
    assert values[0] == pytest.approx(2) and values[-1] == 0
    assert values == sorted(values, reverse=True)
