from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.vision.quads import to_quads
from edgecnn_device.notes.rectify import MAX_SIDE, rectify

SIZE = (640, 480)


def _smooth(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A picture whose colours tell the place: blue grows with x, green with y."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    parts = (255 * x / size[0], 255 * y / size[1], np.full(x.shape, 90))
    return np.asarray(np.rint(np.stack(parts, -1)), np.uint8)


def _quad(
    x: float, y: float, width: float, height: float, degrees: float = 0
) -> NDArray[np.float32]:
    return np.asarray(
        to_quads(np.array([[x, y, width, height, np.deg2rad(degrees)]], np.float32))[0], np.float32
    )


def test_an_upright_quad_on_pixels_is_cut_out_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    crop = rectify(image, _quad(200, 100, 120, 30))
    assert np.array_equal(crop, image[85:115, 140:260])


@pytest.mark.parametrize("degrees", [0, 17, 90, 133, 180, -60])
def test_the_own_top_left_corner_comes_to_the_top_left(degrees: float) -> None:
    quad = _quad(320, 240, 200, 40, degrees)
    crop = rectify(_smooth(), quad).astype(float)
    assert crop.shape == (40, 200, 3)
    seen = crop[[0, 0, -1, -1], [0, -1, -1, 0], :2] * np.array(SIZE) / 255
    assert seen == pytest.approx(quad, abs=4)


def test_a_tilted_plane_is_seen_from_above() -> None:
    flat = np.kron(np.indices((4, 16)).sum(0) % 2, np.ones((10, 10))).astype(np.uint8) * 255
    quad = np.array([[100, 60], [420, 100], [400, 190], [110, 120]], np.float32)
    corners = np.array([[0, 0], [160, 0], [160, 40], [0, 40]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners - 0.5, quad - 0.5)
    image = cv2.warpPerspective(np.repeat(flat[:, :, None], 3, 2), matrix, SIZE)
    crop = cv2.resize(rectify(np.asarray(image, np.uint8), quad), (160, 40))
    middles = crop[5::10, 5::10, 0].astype(int)
    assert (np.abs(middles - flat[5::10, 5::10]) < 60).all()


def test_what_lies_outside_shows_the_edge() -> None:
    image = _smooth()
    crop = rectify(image, _quad(0, 240, 100, 20))
    assert crop.shape == (20, 100, 3)
    assert np.array_equal(crop[:, :50], np.repeat(image[230:250, :1], 50, 1))


def test_a_large_quad_is_averaged_down_until_one_side_suffices() -> None:
    image = np.random.default_rng(0).integers(0, 256, (900, 1600, 3), np.uint8)
    crop = rectify(image, _quad(800, 450, 1200, 128), (512, 64))
    assert crop.shape == (64, 600, 3)
    assert crop.std() < 0.6 * image.std()
    assert crop.mean() == pytest.approx(image.mean(), abs=2)
    assert rectify(image, _quad(800, 450, 400, 100), (512, 64)).shape == (100, 400, 3)


@pytest.mark.parametrize("enough", [None, (512, 64)])
def test_shrinking_keeps_the_place(enough: tuple[int, int] | None) -> None:
    quad = _quad(300, 250, 580, 160, 20)
    crop = rectify(_smooth(), quad, enough)
    seen = crop[[0, 0, -1, -1], [0, -1, -1, 0], :2] * np.array(SIZE) / 255
    assert seen == pytest.approx(np.clip(quad, 0, SIZE), abs=5)


def test_a_crop_is_bounded_however_far_a_quad_reaches() -> None:
    crop = rectify(_smooth(), _quad(320, 240, 50_000, 30_000))
    assert max(crop.shape) == MAX_SIDE


def test_the_smallest_picture_has_a_crop() -> None:
    image = np.full((1, 1, 3), 7, np.uint8)
    crop = rectify(image, _quad(0.5, 0.5, 9, 3, 30))
    assert crop.shape == (3, 9, 3) and (crop == 7).all()


@pytest.mark.parametrize(
    "quad",
    [
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [10, 0], [20, 0], [30, 0]],
        [[0, 0], [10, 0], [np.nan, 10], [0, 10]],
        [[0, 0], [10, 0], [np.inf, 10], [0, 10]],
        [[0, 0], [0, 10], [10, 10], [10, 0]],  # a mirror image
        [[0, 0], [10, 10], [10, 0], [0, 10]],  # its edges cross
        [[0, 0], [10, 0], [2, 2], [0, 10]],  # a dent
        [[-90, 0], [-10, 0], [-10, 10], [-90, 10]],  # outside
    ],
)
def test_what_frames_nothing_is_refused(quad: list[list[float]]) -> None:
    with pytest.raises(DataError, match="convex quad, clockwise"):
        rectify(_smooth(), np.array(quad, np.float32))
