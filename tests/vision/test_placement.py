"""Where a picture lies in an input, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.bundle import InputSpec
from edgecnn.vision.placement import PADDING, placement
from edgecnn.vision.preprocess import preprocess

SIZES = st.tuples(st.integers(1, 9000), st.integers(1, 9000))
RULES = ("stretch", "letterbox", "none")


def _spec(width: int, height: int, resize: str) -> InputSpec:
    return InputSpec(width=width, height=height, mean=(0, 0, 0), std=(1, 1, 1), resize=resize)


@given(SIZES, st.tuples(st.integers(1, 700), st.integers(1, 700)), st.sampled_from(RULES))
@settings(deadline=None)
def test_a_picture_lies_inside_its_input_and_points_come_back(
    picture: tuple[int, int], given_size: tuple[int, int], resize: str
) -> None:
    place = placement(picture, _spec(*given_size, resize))
    assert all(1 <= a <= b for a, b in zip(place.shown, place.size, strict=True))
    points = np.array(((0, 0), (1, 1), picture, (picture[0] / 3, picture[1] / 7)), np.float32)
    inside = place.to_input(points)
    assert inside[2] == pytest.approx(np.array(place.shown), rel=1e-5)
    assert place.to_picture(inside) == pytest.approx(points, rel=1e-4, abs=1e-3)
    boxes = points.reshape(-1, 4)
    assert np.array_equal(place.to_input(boxes), inside.reshape(-1, 4))
    if resize == "letterbox":
        largest = min(given_size[0] / picture[0], given_size[1] / picture[1])
        assert all(abs(s - max(1, p * largest)) <= 0.5 + 1e-6
                   for s, p in zip(place.shown, picture, strict=True))  # fmt: skip
    elif resize == "stretch":
        assert place.shown == place.size == given_size
    else:
        assert place.shown == picture


@pytest.mark.parametrize("resize", RULES)
@pytest.mark.parametrize("size", [(1, 1), (5, 400), (400, 5), (64, 48), (31, 97)])
def test_the_pixels_lie_where_the_placement_says(resize: str, size: tuple[int, int]) -> None:
    spec = _spec(64, 48, resize)
    image = np.full((size[1], size[0], 3), 250, np.uint8)
    out, place = preprocess(image, spec), placement(size, spec)
    assert out.shape[:2] == place.size[::-1]
    shown = np.zeros(out.shape[:2], bool)
    shown[: place.shown[1], : place.shown[0]] = True
    assert (out[shown] == 250).all() and (out[~shown] == PADDING).all()


def test_no_points_stay_none() -> None:
    place = placement((10, 20), _spec(5, 5, "letterbox"))
    assert place.to_picture(np.zeros((0, 4), np.float32)).shape == (0, 4)
