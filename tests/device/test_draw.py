from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision.ctc import SerialReading
from edgecnn_device.draw import READABLE, class_colour, draw
from edgecnn_device.tasks import Box, Embedding, Label, Landmarks, OutputTensor, Point, Result

SIZES = pytest.mark.parametrize("size", [(1, 1), (28, 28), (3, 4000), (640, 480), (4000, 3000)])


def _blank(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), 90, np.uint8)


def _box(size: tuple[int, int], index: int = 0, **more: object) -> Box:
    width, height = size
    corners = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
    return Box("a thing", index, 0.9, corners, **more)  # type: ignore[arg-type]


@SIZES
def test_a_box_is_drawn_readably_and_on_a_copy(size: tuple[int, int]) -> None:
    image = _blank(size)
    drawn = draw(image, [_box(size)])
    assert (image == 90).all()
    assert max(drawn.shape[:2]) >= READABLE
    assert drawn.dtype == np.uint8 and (drawn != 90).any()


def test_the_outline_lies_where_the_box_does() -> None:
    drawn = draw(_blank((640, 480)), [_box((640, 480), 7)])
    near = np.asarray((np.abs(drawn.astype(int) - class_colour(7)) < 12).all(2))
    for y, x in ((240, 160), (240, 479), (120, 400), (359, 320)):
        assert near[y - 2 : y + 3, x - 2 : x + 3].any(), (x, y)
    assert (drawn[240, 200:440] == 90).all() and (drawn[400:] == 90).all()


def test_a_turned_box_is_drawn_by_its_corners() -> None:
    quad = ((320.0, 100.0), (460.0, 240.0), (320.0, 380.0), (180.0, 240.0))
    drawn = draw(_blank((640, 480)), [_box((640, 480), quad=quad)])
    changed = np.asarray((drawn != 90).any(2))
    assert changed[168:173, 388:393].any() and not changed[:, :175].any()
    assert not changed[110:130, 180:280].any()


def test_no_result_changes_nothing_but_the_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    drawn = draw(image, [])
    assert np.array_equal(drawn[:280:7, :350:7], image)
    assert draw(_blank((640, 480)), []).shape == (480, 640, 3)


@pytest.mark.parametrize(
    "result",
    [
        Label("a cat, with a name that is far too long for any picture to hold" * 9, 3, 0.5),
        SerialReading("ГЗ1234567", 0.9, "RUB"),
    ],
)  # fmt: skip
@SIZES
def test_what_is_said_of_the_whole_stands_below_it(result: Result, size: tuple[int, int]) -> None:
    drawn = draw(_blank(size), [result], 2)
    assert drawn.shape == draw(_blank(size), [], 2).shape
    scale = max(1, -(-READABLE // max(size)))
    picture = drawn[: scale * size[1], : scale * size[0]]
    assert (picture == 90).all()
    assert drawn[len(picture) :].max() > 200


def test_vectors_and_tensors_are_not_drawn() -> None:
    values = np.zeros(4, np.float32)
    drawn = draw(_blank((640, 480)), [Embedding(values), OutputTensor("x", values)])
    assert (drawn == 90).all()


def test_boxes_beyond_the_picture_are_cut() -> None:
    far = ((-1e9, -5.0), (1e9, -5.0), (1e9, 1e9), (-1e9, 1e9))
    boxes = [_box((640, 480), quad=far), Box("", 1, 1.0, (0.0, 0.0, 640.0, 480.0)),
             Box("at the edge", 2, 0.1, (639.0, 479.0, 640.0, 480.0))]  # fmt: skip
    assert draw(_blank((640, 480)), boxes).shape == (480, 640, 3)


def test_near_classes_have_far_colours() -> None:
    colours = np.array([class_colour(k) for k in range(12)])
    apart = np.abs(colours[:, None] - colours[None]).sum(2)[~np.eye(12, dtype=bool)]
    assert apart.min() > 60


def test_points_that_can_be_seen_are_dots_and_others_are_not() -> None:
    places = ((100.0, 60.0, 0.9), (300.0, 200.0, 0.3), (1e9, -50.0, 0.9))
    points = tuple(Point(f"p{i}", x, y, score) for i, (x, y, score) in enumerate(places))
    drawn = draw(_blank((400, 320)), [Landmarks(points)])
    assert np.abs(drawn[60, 100].astype(int) - class_colour(0)).max() < 12
    changed = np.asarray((drawn != 90).any(2))
    assert not changed[180:220, 280:320].any()
    assert changed.sum() < 300


def test_points_of_a_box_are_dots_where_they_lie() -> None:
    box = _box((400, 320), points=((150.0, 100.0), (1e9, 0.0)))
    drawn = draw(_blank((400, 320)), [box])
    assert np.abs(drawn[100, 150].astype(int) - class_colour(0)).max() < 12
    plain = draw(_blank((400, 320)), [_box((400, 320))])
    changed = np.argwhere((drawn != plain).any(2))
    assert np.abs(changed - (100, 150)).max() <= 6
