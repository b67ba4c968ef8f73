"""Boxes and landmarks follow the pixels, whatever happens to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.errors import DataError

GEOMETRIES: dict[str, dict[str, Any]] = {
    "none": {},
    "mirror": {"mirror": 0.5},
    "crop": {"crop": (0.3, 1.0)},
    "padding": {"crop_padding": 9},
    "rotation": {"rotation": 180.0},
    "shear": {"shear": 25.0},
    "zoom in": {"zoom": (1.0, 2.0)},
    "zoom out": {"zoom": (0.7, 1.0)},
    "warp": {"warp": 0.06},
    "fine warp": {"warp": 0.03, "warp_grid": 8},
}
EVERYTHING: dict[str, Any] = {
    "mirror": 0.5, "crop": (0.5, 1.0), "crop_padding": 5, "rotation": 30.0, "shear": 12.0,
    "zoom": (0.8, 1.3), "warp": 0.05, "brightness": 0.2, "contrast": 0.2, "saturation": 0.3,
    "hue": 20.0, "pca": 0.1,
}  # fmt: skip
CASES = {**GEOMETRIES, "everything": EVERYTHING}


@pytest.fixture
def dots() -> LabelledPicture:
    """Five bright dots of three by three pixels on black, a landmark on each."""
    image = np.zeros((110, 150, 3), np.uint8)
    points = np.array(((40, 30), (110, 35), (75, 55), (45, 85), (105, 80)), np.float32)
    for x, y in points.astype(int):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return LabelledPicture(image, landmarks=np.column_stack((points, np.ones(5, np.float32))))


@pytest.fixture
def blocks() -> LabelledPicture:
    """Two bright rectangles on black, a box around each."""
    image = np.zeros((110, 150), np.uint8)
    boxes = np.array(((20, 20, 60, 50), (80, 45, 130, 100)), np.float32)
    for x1, y1, x2, y2 in boxes.astype(int):
        image[y1:y2, x1:x2] = 255
    return LabelledPicture(image, boxes, np.array((7, 3)))


def _middle(image: NDArray[np.uint8], x: float, y: float, reach: int = 5) -> NDArray[np.float64]:
    """Return the centre of the light around a place."""
    grey = image.astype(np.float64).max(-1)
    grey = np.where(grey > 0.3 * grey.max(), grey, 0)
    ys, xs = np.mgrid[: grey.shape[0], : grey.shape[1]]
    near = grey * (np.abs(xs - x) <= reach) * (np.abs(ys - y) <= reach)
    assert near.sum() > 0, "no dot near the landmark"
    centre = np.array(((xs * near).sum(), (ys * near).sum())) / near.sum()
    return np.asarray(centre, np.float64)


@pytest.mark.parametrize("size", [None, (64, 96), (220, 260)])
@pytest.mark.parametrize("case", CASES)
def test_landmarks_stay_on_their_dots(
    dots: LabelledPicture, case: str, size: tuple[int, int] | None
) -> None:
    options, seen = AugmentOptions(**CASES[case], border="grey"), 0
    dark = LabelledPicture(np.where(dots.image > 0, dots.image, 128), landmarks=dots.landmarks)
    for seed in range(25):
        out = augment(dark, options, np.random.default_rng(seed), size)
        height, width = out.image.shape[:2]
        light = np.abs(out.image.astype(np.int16) - np.median(out.image, (0, 1))).astype(np.uint8)
        for x, y, visible in out.landmarks:
            if visible and 5 < x < width - 6 and 5 < y < height - 6:
                seen += 1
                assert np.hypot(*(_middle(light, x, y) - (x, y))) < 1.5
    assert seen > 40


@pytest.mark.parametrize("size", [None, (64, 96), (220, 260)])
@pytest.mark.parametrize("case", CASES)
def test_boxes_stay_around_their_blocks(
    blocks: LabelledPicture, case: str, size: tuple[int, int] | None
) -> None:
    options, seen = AugmentOptions(**CASES[case], border="grey", min_visible=0.0), 0
    for seed in range(25):
        for index, label in enumerate((7, 3)):
            alone = np.full_like(blocks.image, 128)
            x1, y1, x2, y2 = blocks.boxes[index].astype(int)
            alone[y1:y2, x1:x2] = 255
            picture = LabelledPicture(alone, blocks.boxes, blocks.box_labels)
            out = augment(picture, options, np.random.default_rng(seed), size)
            box = out.boxes[out.box_labels == label]
            low, span = int(out.image.min()), int(np.ptp(out.image))
            ys, xs = np.nonzero(out.image > low + 0.2 * span)
            if span > 60 and len(box):
                seen += 1
                _check(box[0], np.array((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)), out)
    assert seen > 25


def _check(box: NDArray[np.float32], found: NDArray[np.int64], out: LabelledPicture) -> None:
    """A box covers its block to 2 px, and is no larger where the block is all in the picture."""
    height, width = out.image.shape[:2]
    excess = (found - box) * (1, 1, -1, -1)
    assert excess.min() >= -2
    if (box[:2] > 0).all() and box[2] < width and box[3] < height:
        assert excess.max() <= 2


def test_a_mirrored_box_and_landmark_swap_sides() -> None:
    picture = LabelledPicture(
        np.zeros((10, 20), np.uint8), np.array(((2, 3, 6, 8),), np.float32), np.array((1,)),
        np.array(((4, 5, 1), (15, 5, 0)), np.float32),
    )  # fmt: skip
    options = AugmentOptions(mirror=1.0, mirror_pairs=((0, 1),))
    out = augment(picture, options, np.random.default_rng(0))
    assert out.boxes.tolist() == [[14, 3, 18, 8]]
    assert out.landmarks.tolist() == [[4, 5, 0], [15, 5, 1]]
    plain = augment(picture, AugmentOptions(mirror=1.0), np.random.default_rng(0))
    assert plain.landmarks.tolist() == [[15, 5, 1], [4, 5, 0]]


def test_a_box_that_is_mostly_gone_is_dropped_with_its_label() -> None:
    boxes = np.array(((0, 0, 10, 10), (90, 0, 110, 20), (82, 0, 102, 20)), np.float32)
    picture = LabelledPicture(np.zeros((40, 100), np.uint8), boxes, np.array((5, 6, 7)))
    for least, left in ((0.0, [5, 6, 7]), (0.6, [5, 7]), (0.95, [5])):
        out = augment(picture, AugmentOptions(min_visible=least), np.random.default_rng(0))
        assert out.box_labels.tolist() == left and len(out.boxes) == len(left)
    assert out.boxes.dtype == np.float32


def test_a_landmark_outside_becomes_invisible() -> None:
    points = np.array(((0, 0, 1), (50, 20, 1), (50, 21, 0)), np.float32)
    picture = LabelledPicture(np.zeros((40, 100), np.uint8), landmarks=points)
    out = augment(picture, AugmentOptions(zoom=(2.0, 2.0)), np.random.default_rng(0))
    assert out.landmarks[:, 2].tolist() == [0, 1, 0]


def test_a_pair_without_its_landmark_is_named(dots: LabelledPicture) -> None:
    with pytest.raises(DataError, match=r"landmark 5, the picture has 0\.\.4"):
        augment(dots, AugmentOptions(mirror_pairs=((0, 5),)), np.random.default_rng(0))


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"expected boxes \(N, 4\)"):
        LabelledPicture(np.zeros((4, 4), np.uint8), np.zeros((2, 4), np.float32))
