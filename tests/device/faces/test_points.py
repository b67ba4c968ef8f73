"""A second look at the points of a face: where it looks, and that it comes back to the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.cli.faces_common import find_detector
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.preprocess import Input
from edgecnn_device import Runner
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.faces import FaceFinder, FoundFace, PointRefiner
from edgecnn_device.faces.results import POINTS

SIDE = 96
SPOT = 12
"""Radii of a spot in a face."""
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255))
"""Of each point's spot, RGB."""


def sees_spots(inputs: Input) -> tuple[NDArray[np.float32], ...]:
    """Answer with the middle of each colour."""
    pixels = np.asarray(inputs)[0].transpose(1, 2, 0)
    places = []
    for colour in COLOURS:
        rows, columns = np.nonzero((np.abs(pixels - colour) < 60).all(2))
        middle = (columns.mean(), rows.mean()) if len(rows) else (0.0, 0.0)
        places.append((np.array(middle) + 0.5) / SIDE)
    return np.array(places, np.float32).reshape(1, 10), np.full((1, 5), 5.0, np.float32)


@pytest.fixture
def refiner(yunet: Runner) -> PointRefiner:
    return PointRefiner(_points(yunet, POINTS))


def _points(yunet: Runner, names: tuple[str, ...]) -> Runner:
    rules = PointsDecode(names=names, method="regression")
    spec = yunet.manifest.input.model_copy(update={"width": SIDE, "height": SIDE})
    change = {"task": "landmarks", "decode": rules, "input": spec}
    manifest = yunet.manifest.model_copy(update=change)
    return Runner(manifest, yunet.variant, FakeBackend(sees_spots))


def drawn(face: float, x: float, y: float) -> tuple[NDArray[np.uint8], FoundFace]:
    """Draw a face of so many pixels with its spots; what was found of it has wrong points."""
    marks = np.array([(-0.2, -0.2), (0.2, -0.2), (0, 0), (-0.15, 0.25), (0.15, 0.25)])
    places = (marks * face + (x, y)).round()
    picture = np.zeros((600, 800, 3), np.uint8)
    half = max(2, round(face / SPOT))
    for k, (px, py) in enumerate(places.astype(int)):
        spot = slice(max(0, py - half), py + half + 1), slice(max(0, px - half), px + half + 1)
        picture[spot] = COLOURS[k][::-1]
    box = (x - face / 2 + 0.5, y - face / 2 + 0.5, x + face / 2 + 0.5, y + face / 2 + 0.5)
    return picture, FoundFace(box, 0.9, (places + 9).astype(np.float32))


@pytest.mark.parametrize(
    ("face", "x", "y"), [(60, 300, 200), (96, 400, 300), (300, 400, 280), (500, 400, 300),
                         (120, 40, 60)]
)  # fmt: skip
def test_points_come_back_to_where_they_are(
    refiner: PointRefiner, face: float, x: float, y: float
) -> None:
    picture, found = drawn(face, x, y)
    better = refiner(picture, found)
    np.testing.assert_allclose(better.points, found.points - 9, atol=0.02 * face + 0.3)
    assert (better.box, better.score) == (found.box, found.score)


def test_a_finder_refines_what_it_gives(
    yunet: Runner, refiner: PointRefiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, found = drawn(96, 400, 300)
    finder = FaceFinder(yunet, sure=0, refine=refiner)
    monkeypatch.setattr(finder, "_look", lambda shown: (found,))
    (better,) = finder(picture)
    np.testing.assert_allclose(better.points, found.points - 9, atol=2)


def test_other_points_are_refused(yunet: Runner) -> None:
    with pytest.raises(BundleError, match="expected a network for the points right_eye"):
        PointRefiner(_points(yunet, ("chin", "brow")))


def test_a_detector_may_have_a_second_bundle_behind_it(tmp_path: Path) -> None:
    odd = tmp_path / "a+b.edge"
    odd.write_bytes(b"")
    assert find_detector(str(odd)) == (odd, None)
    found, points = find_detector("note-detector+serial-reader")
    assert points is not None
    assert (found.name, points.name) == ("note-detector.edge", "serial-reader.edge")
    with pytest.raises(InputError):
        find_detector("note-detector+")
