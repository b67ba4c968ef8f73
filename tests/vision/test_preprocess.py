from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle import InputSpec
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import preprocess

PLAIN: dict[str, Any] = {"width": 4, "height": 2, "mean": (0, 0, 0), "std": (1, 1, 1)}
GREY: dict[str, Any] = {**PLAIN, "channels": 1, "colour": "grey", "mean": (0,), "std": (1,)}


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """Four by two pixels, BGR, each number its own."""
    return np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_a_picture_of_the_right_size_is_itself(picture: NDArray[np.uint8]) -> None:
    out = preprocess(picture, InputSpec(**PLAIN, colour="bgr"))
    assert out.dtype == np.float32 and np.array_equal(out, picture)
    out[:] = -1
    assert picture.max() == 23


def test_colours_come_in_the_wanted_order(picture: NDArray[np.uint8]) -> None:
    out = preprocess(picture, InputSpec(**PLAIN, colour="rgb"))
    assert np.array_equal(out, picture[:, :, ::-1])


def test_channels_come_first_in_nchw(picture: NDArray[np.uint8]) -> None:
    out = preprocess(picture, InputSpec(**PLAIN, layout="nchw"))
    assert out.shape == (3, 2, 4) and out.flags.c_contiguous
    assert np.array_equal(out[0], picture[:, :, 2])


def test_mean_and_std_count_per_channel(picture: NDArray[np.uint8]) -> None:
    changes = {"mean": (10, 20, 30), "std": (1, 2, 4)}
    out = preprocess(picture, InputSpec(**{**PLAIN, **changes}))
    rgb = picture[:, :, ::-1].astype(np.float64)
    assert out == pytest.approx((rgb - [10, 20, 30]) / [1, 2, 4], abs=1e-5)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("colour", ["rgb", "bgr", "grey"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (2, 4), (7, 3, 3), (1, 500, 3), (300, 1)])
def test_every_shape_gives_the_wanted_one(layout: str, colour: str, shape: tuple[int, ...]) -> None:
    spec = InputSpec(**{**(GREY if colour == "grey" else PLAIN), "colour": colour}, layout=layout)
    out = preprocess(np.full(shape, 7, np.uint8), spec)
    size = (2, 4, spec.channels) if layout == "nhwc" else (spec.channels, 2, 4)
    assert out.shape == size and out.dtype == np.float32 and out.flags.c_contiguous
    assert (out == 7).all()


def test_grey_becomes_three_equal_channels() -> None:
    grey = np.arange(8, dtype=np.uint8).reshape(2, 4)
    out = preprocess(grey, InputSpec(**PLAIN))
    assert all(np.array_equal(out[:, :, c], grey) for c in range(3))
    assert np.array_equal(preprocess(grey, InputSpec(**GREY))[:, :, 0], grey)


def test_colours_become_grey_by_their_brightness() -> None:
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[0, 0], picture[0, 1], picture[0, 2] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    out = preprocess(picture, InputSpec(**GREY))[:, :, 0]
    assert out[0] == pytest.approx([0.114 * 255, 0.587 * 255, 0.299 * 255, 0], abs=1)


def test_area_takes_the_mean_of_what_it_shrinks() -> None:
    board = (np.indices((8, 16)).sum(0) % 2 * 200).astype(np.uint8)
    assert (preprocess(board, InputSpec(**GREY)) == 100).all()


def test_linear_keeps_a_ramp_when_it_grows() -> None:
    ramp = np.array([[0, 100], [0, 100]], np.uint8)
    for interpolation in ("area", "linear"):
        out = preprocess(ramp, InputSpec(**GREY, interpolation=interpolation))[:, :, 0]
        assert out[0] == pytest.approx([0, 25, 75, 100], abs=1)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 4, 3), np.float32),
        np.zeros((2, 4, 3), np.int8),
        np.zeros((2, 4, 3), bool),
    ],
)
def test_other_numbers_than_bytes_are_refused(image: Any) -> None:
    with pytest.raises(DataError, match=str(image.dtype)):
        preprocess(image, InputSpec(**PLAIN))


@pytest.mark.parametrize("shape", [(), (4,), (0, 4, 3), (2, 0), (2, 4, 1), (2, 4, 4), (1, 2, 4, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="expected"):
        preprocess(np.zeros(shape, np.uint8), InputSpec(**PLAIN))


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_the_order_of_memory_does_not_show(picture: NDArray[np.uint8], colour: str) -> None:
    spec = InputSpec(**PLAIN, colour=colour)
    out = preprocess(np.asfortranarray(picture), spec)
    assert np.array_equal(out, preprocess(picture, spec)) and out.flags.c_contiguous


def test_views_are_accepted(picture: NDArray[np.uint8]) -> None:
    spec = InputSpec(**PLAIN)
    turned = picture[::-1, ::-1]
    assert np.array_equal(preprocess(turned, spec), preprocess(turned.copy(), spec))
    wide = np.repeat(np.repeat(picture, 2, 0), 2, 1)[::-1, ::-1]
    assert np.array_equal(preprocess(wide, spec), preprocess(wide.copy(), spec))
