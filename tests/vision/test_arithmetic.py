"""Facts of Dumoulin and Visin 2016, and of the arithmetic that every course teaches."""

from __future__ import annotations

import pytest

from edgecnn.errors import InputError
from edgecnn.vision.arithmetic import (
    Leftover,
    Window,
    leftover,
    output_size,
    same_padding,
    same_window,
)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "dilation", "expected"),
    [
        (7, 3, 1, 0, 1, 5),
        (7, 3, 2, 0, 1, 3),
        (32, 5, 1, 0, 1, 28),
        (32, 2, 2, 0, 1, 16),
        (224, 7, 2, 3, 1, 112),
        (7, 3, 1, 0, 2, 3),
        (7, 3, 3, 0, 1, 2),
        (1, 1, 1, 0, 1, 1),
    ],
)
def test_output_size(
    n: int, kernel: int, stride: int, padding: int, dilation: int, expected: int
) -> None:
    assert output_size(n, kernel, stride, padding, dilation) == expected


@pytest.mark.parametrize(("padding", "kernel"), [(1, 3), (2, 5), (3, 7)])
def test_half_the_filter_as_padding_keeps_the_size(padding: int, kernel: int) -> None:
    assert same_padding(kernel) == padding
    assert output_size(7, kernel, padding=padding) == 7
    assert output_size(7, kernel, padding=same_padding(kernel, 2), dilation=2) == 7


@pytest.mark.parametrize("n", [8, 28, 224])
def test_stride_two_halves(n: int) -> None:
    assert output_size(n, 2, 2) == n // 2
    assert output_size(n, 3, 2, same_padding(3)) == n // 2


def test_a_stride_that_does_not_tile_leaves_pixels_over() -> None:
    assert leftover(7, 3, 3) == Leftover(pixels=1, padding=0)
    assert leftover(7, 3, 2) == Leftover(0, 0)
    assert leftover(8, 3, 3) == Leftover(2, 0)


def test_padding_is_left_over_before_pixels() -> None:
    assert leftover(224, 3, 2, 1) == Leftover(pixels=0, padding=1)
    assert leftover(10, 3, 5, 1) == Leftover(pixels=3, padding=1)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "down", "up"),
    [(7, 2, 2, 0, 3, 4), (112, 3, 2, 0, 55, 56), (6, 2, 2, 0, 3, 3), (5, 2, 3, 1, 2, 2)],
)
def test_ceil_mode_counts_a_window_that_starts_inside(
    n: int, kernel: int, stride: int, padding: int, down: int, up: int
) -> None:
    assert output_size(n, kernel, stride, padding) == down
    assert output_size(n, kernel, stride, padding, ceil=True) == up


def test_ceil_mode_leaves_nothing_over_where_its_last_window_counts() -> None:
    assert Window(2, 2).leftover(7) == Leftover(pixels=1, padding=0)
    assert Window(2, 2, ceil=True).leftover(7) == Leftover(0, 0)


@pytest.mark.parametrize(
    ("size", "stride", "ends"), [(224, 2, (0, 1)), (7, 1, (1, 1)), (7, 2, (1, 1))]
)
def test_same_window_puts_the_odd_pixel_behind(
    size: int, stride: int, ends: tuple[int, int]
) -> None:
    window = same_window(size, 3, stride)
    assert (window.before, window.after) == ends
    assert window.output(size) == -(-size // stride)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((4, 5), "does not fit 4 pixels"),
        ((4, 3, 1, 0, 2), "a window of 5"),
        ((0, 1), "does not fit 0 pixels"),
        ((7, 0), "at least 1"),
        ((7, 3, 0), "at least 1"),
        ((7, 3, 1, -1), "at least 0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: tuple[int, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        output_size(*arguments)


def test_an_even_filter_has_no_same_padding() -> None:
    with pytest.raises(InputError, match="odd kernel"):
        same_padding(4)
