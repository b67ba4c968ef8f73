"""Corners follow the pixels, in single pictures and on sheets of four."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.data.augment.mosaic import make_sheet
from edgecnn.vision.quads import hulls, to_quads

PLACE = np.array([[70, 60, 50, 24, 0.4]], np.float32)


@pytest.fixture
def flag() -> LabelledPicture:
    """A turned rectangle on black: dark at its own left half, bright at its right."""
    quad = to_quads(PLACE)
    image = np.zeros((120, 150), np.uint8)
    top, bottom = (quad[0, 0] + quad[0, 1]) / 2, (quad[0, 3] + quad[0, 2]) / 2
    halves = (quad[0, 0], top, bottom, quad[0, 3]), (top, quad[0, 1], quad[0, 2], bottom)
    for corners, grey in zip(halves, (90, 220), strict=True):
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], grey)
    return LabelledPicture(image, hulls(quad), np.array([3]), quads=quad)


GEOMETRIES: dict[str, dict[str, Any]] = {
    "none": {}, "rotation": {"rotation": 170.0}, "crop": {"crop": (0.7, 1.0)},
    "zoom": {"zoom": (0.7, 0.9)}, "shear": {"shear": 10.0},
}  # fmt: skip


@pytest.mark.parametrize("options", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("seed", range(4))
def test_quads_follow_the_pixels_in_their_order(
    flag: LabelledPicture, options: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    found = augment(flag, AugmentOptions(border="grey", **options), rng)
    if not len(found.boxes):  # a crop may lose it
        return
    assert found.quads is not None
    corners = found.quads[0]
    left = (corners[0] + corners[3]) * 0.375 + (corners[1] + corners[2]) * 0.125
    right = (corners[1] + corners[2]) * 0.375 + (corners[0] + corners[3]) * 0.125
    for point, grey in ((left, 90), (right, 220)):
        x, y = np.floor(point).astype(int)
        if 0 <= x < found.image.shape[1] and 0 <= y < found.image.shape[0]:
            assert abs(int(found.image[y, x]) - grey) < 40
    inside = np.clip(hulls(found.quads), 0, (150, 120, 150, 120))
    assert np.allclose(found.boxes, inside, atol=1e-3)


def test_a_mirrored_quad_stays_clockwise(flag: LabelledPicture) -> None:
    found = augment(flag, AugmentOptions(mirror=1.0), np.random.default_rng(0))
    assert found.quads is not None and flag.quads is not None
    area = cv2.contourArea(found.quads[0], oriented=True)
    assert np.sign(area) == np.sign(cv2.contourArea(flag.quads[0], oriented=True))
    assert np.allclose(found.quads[0, 0], (150 - flag.quads[0, 1, 0], flag.quads[0, 1, 1]))


@pytest.mark.parametrize("turned", [False, True])
def test_a_sheet_holds_the_boxes_of_all_four(flag: LabelledPicture, turned: bool) -> None:
    small = LabelledPicture(
        np.ascontiguousarray(flag.image[::2, ::2]), flag.boxes / np.float32(2), flag.box_labels,
        quads=None if flag.quads is None else flag.quads / np.float32(2),
    )  # fmt: skip
    nothing = LabelledPicture(np.zeros((10, 10), np.uint8))
    four = [flag, small, nothing, flag]
    if not turned:
        four = [LabelledPicture(p.image, p.boxes, p.box_labels) for p in four]
    sheet = make_sheet(four)
    assert sheet.image.shape == (240, 300) and sheet.box_labels.tolist() == [3, 3, 3]
    offsets = np.array(((0, 0), (150, 0), (150, 120)), np.float32)
    wanted = flag.boxes + np.concatenate((offsets, offsets), axis=1)
    assert np.allclose(sheet.boxes, wanted, atol=0.01)
    assert (sheet.quads is not None) == turned
    for x1, y1, x2, y2 in sheet.boxes.astype(int):
        assert sheet.image[y1 : y2 + 1, x1 : x2 + 1].max() > 200
