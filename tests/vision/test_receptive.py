from __future__ import annotations

import pytest

from edgecnn.vision.arithmetic import Window
from edgecnn.vision.layer_steps import conv_kind, stride_note
from edgecnn.vision.receptive import Fields, fields_of_input, join


@pytest.fixture
def pixels() -> Fields:
    return fields_of_input((1, 3, 32, 64), (2, 3))


def _square(window: Window) -> dict[int, Window]:
    return {2: window, 3: window}


def test_two_filters_of_three_see_five(pixels: Fields) -> None:
    once = pixels.slide(_square(Window(3)))
    assert once.pixels == (3, 3)
    assert once.slide(_square(Window(3))).pixels == (5, 5)


def test_a_stride_widens_what_follows(pixels: Fields) -> None:
    halved = pixels.slide(_square(Window(2, 2)))
    assert halved.slide(_square(Window(3))).pixels == (6, 6)
    assert halved.slide(_square(Window(3, dilation=2))).pixels == (10, 10)


def test_a_pooling_over_everything_sees_everything(pixels: Fields) -> None:
    seen = pixels.collapse((2, 3), (1, 3, 32, 64))
    assert seen.pixels == (32, 64)
    assert seen.whole
    assert seen.slide(_square(Window(3))).pixels == (32, 64)


def test_pixels_that_a_stride_left_over_stay_unseen(pixels: Fields) -> None:
    strided = pixels.slide(_square(Window(3, 3)))  # 10 places on 32, 21 on 64
    assert strided.collapse((2, 3), (1, 3, 10, 21)).pixels == (30, 63)
    assert not strided.collapse((2, 3), (1, 3, 10, 21)).whole


def test_flattened_pixels_are_seen_together_later(pixels: Fields) -> None:
    flat = pixels.reshape((1, 3, 32, 64), (1, 6144))
    assert flat.pixels == (1, 1)
    assert flat.collapse((1,), (1, 6144)).pixels == (32, 64)


def test_axes_are_followed_through_squeeze_and_transpose(pixels: Fields) -> None:
    row = pixels.collapse((2,), (1, 3, 32, 64)).reshape((1, 3, 1, 64), (1, 3, 64))
    turned = row.permute((0, 2, 1))
    assert turned.slide({1: Window(5)}).pixels == (32, 5)
    assert turned.slide({2: Window(5)}).pixels == (32, 1)


def test_a_join_sees_the_larger_part(pixels: Fields) -> None:
    wide = pixels.slide({3: Window(7)})
    assert join([pixels.slide({2: Window(3)}), wide], 4).pixels == (3, 7)


def test_enlarging_shrinks_the_jump(pixels: Fields) -> None:
    halved = pixels.slide(_square(Window(2, 2)))
    back = halved.spread(_square(Window(2, 2)))
    assert back.pixels == (2, 2)
    assert back.slide(_square(Window(3))).pixels == (4, 4)
    assert halved.rescale(3, 32, 64, seen=2).pixels == (2, 4)


@pytest.mark.parametrize(
    ("kernel", "channels", "groups", "transposed", "kind"),
    [
        ((3, 3), 8, 1, False, "conv2d 3x3"),
        ((1, 1), 8, 1, False, "pointwise conv2d 1x1"),
        ((3, 3), 8, 8, False, "depthwise conv2d 3x3"),
        ((3, 3), 8, 2, False, "conv2d, 2 groups, 3x3"),
        ((5,), 1, 1, False, "conv1d 5"),
        ((3, 3, 3), 1, 1, False, "conv3d 3x3x3"),
        ((2, 2), 8, 1, True, "transposed conv2d 2x2"),
    ],
)
def test_a_convolution_is_named(
    kernel: tuple[int, ...], channels: int, groups: int, transposed: bool, kind: str
) -> None:
    windows = [Window(side) for side in kernel]
    assert conv_kind(windows, channels, groups, transposed) == kind


@pytest.mark.parametrize(
    ("windows", "sizes", "note"),
    [
        ((Window(3, 3), Window(3, 3)), (7, 7), "stride 3 does not tile: 1 of 7 left over"),
        ((Window(3, 2, 1, 1),) * 2, (8, 8), "stride 2 leaves 1 of padding unused"),
        ((Window(1, 2),) * 2, (8, 8), "stride 2 reads 4 of 8"),
        ((Window(3, 2),) * 2, (7, 8), "width: stride 2 does not tile: 1 of 8 left over"),
        ((Window(3, 2),) * 2, (7, 7), ""),
    ],
)
def test_a_stride_is_told_by_what_it_loses(
    windows: tuple[Window, ...], sizes: tuple[int, ...], note: str
) -> None:
    assert stride_note(windows, sizes) == note
