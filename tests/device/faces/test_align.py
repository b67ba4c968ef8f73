from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn_device.faces.align import SIDE, TEMPLATE, align, share_inside, similarity
from edgecnn_device.faces.pose import HEAD, head_pose


def _placed(scale: float, degrees: float, shift: tuple[float, float]) -> NDArray[np.float32]:
    """Return the template's points, scaled, turned clockwise and moved."""
    angle = np.radians(degrees)
    turn = scale * np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    return np.asarray((TEMPLATE - SIDE / 2) @ turn.T + SIDE / 2 + shift, np.float32)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -135])
@pytest.mark.parametrize("scale", [0.3, 1.0, 5.0])
def test_any_turn_scale_and_shift_is_undone(scale: float, degrees: float) -> None:
    points = _placed(scale, degrees, (40, -7))
    matrix = similarity(points)
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-3)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    points = TEMPLATE.copy()
    points[:, 0] = SIDE - points[:, 0]
    matrix = similarity(points)
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.0, 4.7])
def test_the_cut_out_shows_the_same_whatever_the_size(scale: float) -> None:
    """A smooth scene, drawn at the face's own place and size; a large one is averaged."""
    points = _placed(scale, 20, (350, 350))
    y, x = np.mgrid[:900, :900].astype(np.float32)
    matrix = similarity(points)
    u, v = (matrix[i, 0] * x + matrix[i, 1] * y + matrix[i, 2] for i in (0, 1))
    scene = 127 + 60 * np.sin(u / 9) + 60 * np.cos(v / 7)
    picture = np.repeat(scene[..., None], 3, axis=2).astype(np.uint8)
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    wanted = 127 + 60 * np.sin(columns / 9) + 60 * np.cos(rows / 7)
    assert np.abs(align(picture, points)[..., 0] - wanted).max() < 4


def test_fine_stripes_of_a_large_face_become_grey_and_no_false_ones() -> None:
    picture = np.zeros((1200, 1200, 3), np.uint8)
    picture[:, ::2] = 255
    crop = align(picture, _placed(6.0, 0, (500, 500)))
    assert crop.std() < 12
    assert abs(crop.mean() - 127) < 4


def test_the_share_in_the_picture_is_that_of_the_aligned_square() -> None:
    assert share_inside(TEMPLATE, (SIDE, SIDE)) == 1
    assert share_inside(TEMPLATE - np.array((SIDE / 2, 0), np.float32), (SIDE, SIDE)) == 0.5
    assert share_inside(TEMPLATE + np.float32(500), (SIDE, SIDE)) == 0
    assert share_inside(np.zeros((5, 2), np.float32), (SIDE, SIDE)) == 0


def test_points_at_one_place_give_a_picture_and_no_pose() -> None:
    same = np.full((5, 2), 7, np.float32)
    assert align(np.full((20, 20, 3), 9, np.uint8), same).shape == (SIDE, SIDE, 3)
    assert head_pose(same) == (0, 0, 0)


def _turned(yaw: float, pitch: float, roll: float) -> NDArray[np.float32]:
    """Return the mean head's points in a picture after it looked aside, down, and was tilted."""
    a, b, c = np.radians((yaw, pitch, roll))
    about_x = np.array(((1, 0, 0), (0, np.cos(b), -np.sin(b)), (0, np.sin(b), np.cos(b))))
    about_y = np.array(((np.cos(a), 0, -np.sin(a)), (0, 1, 0), (np.sin(a), 0, np.cos(a))))
    about_z = np.array(((np.cos(c), -np.sin(c), 0), (np.sin(c), np.cos(c), 0), (0, 0, 1)))
    return np.asarray((HEAD @ (about_z @ about_y @ about_x).T)[:, :2] * 40 + 100, np.float32)


@pytest.mark.parametrize("pose", [(0, 0, 0), (30, 0, 0), (-40, 10, 15), (5, -25, -30), (0, 20, 90)])
def test_the_turn_of_the_mean_head_is_found(pose: tuple[float, float, float]) -> None:
    assert np.allclose(head_pose(_turned(*pose)), pose, atol=0.1)


def test_the_signs_are_those_that_people_expect() -> None:
    """Looking to one's own left moves the nose to our right; looking down moves it down."""
    frontal, aside, down = (_turned(*pose) for pose in ((0, 0, 0), (30, 0, 0), (0, 20, 0)))
    assert aside[2, 0] > frontal[2, 0]
    assert down[2, 1] > frontal[2, 1]
    tilted = _turned(0, 0, 20)
    assert tilted[1, 1] > tilted[0, 1]


def test_blur_is_told_from_dim_light() -> None:
    from edgecnn_device.faces.quality import sharpness_of

    rng = np.random.default_rng(3)
    sharp = cv2.GaussianBlur(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), (0, 0), 1.0)
    dim = (sharp // 4 + 90).astype(np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 4.0), np.uint8)
    assert sharpness_of(blurred) < 0.2 * sharpness_of(np.asarray(sharp, np.uint8))
    assert sharpness_of(dim) == pytest.approx(sharpness_of(np.asarray(sharp, np.uint8)), rel=0.15)
    assert sharpness_of(np.full((SIDE, SIDE, 3), 9, np.uint8)) == 0
