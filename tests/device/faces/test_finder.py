"""A finder on our own detector: boxes with points become faces, and other ways up are tried."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.errors import BundleError
from edgecnn.vision.preprocess import Input
from edgecnn_device import Runner
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.faces import FaceFinder
from edgecnn_device.faces.results import POINTS

BOX = (60.0, 80.0, 140.0, 180.0)
MARKS = np.array([(80, 110), (120, 110), (100, 130), (85, 155), (115, 155)], np.float32)
EYE = (slice(108, 113), slice(78, 83))
"""Rows and columns of a mark that only an upright picture has there."""


def sees_one(inputs: Input) -> tuple[NDArray[np.float32], ...]:
    """Answer with one face, surer where the mark is."""
    bright = float(np.asarray(inputs)[0, :, EYE[0], EYE[1]].mean())
    boxes = np.concatenate((BOX, MARKS.ravel())).astype(np.float32)
    return boxes.reshape(1, 1, 14), np.full((1, 1, 1), 0.95 if bright > 100 else 0.4, np.float32)


def _detector(yunet: Runner, points: tuple[str, ...]) -> Runner:
    rules = AnchorsDecode(labels=("face",), strides=(320,), anchors=(((32, 32),),), points=points,
                          decoded=True)  # fmt: skip
    manifest = yunet.manifest.model_copy(update={"task": "detect", "decode": rules})
    return Runner(manifest, yunet.variant, FakeBackend(sees_one))


def _picture() -> NDArray[np.uint8]:
    picture = np.zeros((320, 320, 3), np.uint8)
    picture[EYE] = 255
    return picture


def test_boxes_with_points_are_faces(yunet: Runner) -> None:
    (face,) = FaceFinder(_detector(yunet, POINTS))(_picture())
    assert (face.turn, round(face.score, 2)) == (0, 0.95)
    np.testing.assert_allclose(face.box, BOX, atol=0.6)
    np.testing.assert_allclose(face.points, MARKS, atol=0.6)


@pytest.mark.parametrize(
    ("turn", "code"),
    [(90, cv2.ROTATE_90_COUNTERCLOCKWISE), (180, cv2.ROTATE_180), (270, cv2.ROTATE_90_CLOCKWISE)],
)
def test_a_face_on_its_side_is_found_where_it_is(yunet: Runner, turn: int, code: int) -> None:
    picture = np.asarray(cv2.rotate(_picture(), code), np.uint8)
    (face,) = FaceFinder(_detector(yunet, POINTS))(picture)
    column, row = face.points[0].round().astype(int)
    assert (face.turn, picture[row, column, 0]) == (turn, 255)


def test_a_detector_without_points_is_refused(yunet: Runner) -> None:
    with pytest.raises(BundleError, match="expected a detector of faces with the points"):
        FaceFinder(_detector(yunet, ()))
