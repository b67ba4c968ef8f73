"""Colour shifts, each by what it must keep and what it must change."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.augment import AugmentOptions
from edgecnn.data.augment.colour import shift_colours


@pytest.fixture
def mild() -> NDArray[np.uint8]:
    """Colours far enough from 0 and 255 that nothing is cut off."""
    return np.random.default_rng(1).integers(100, 141, (20, 30, 3), np.uint8)


def _shift(image: NDArray[np.uint8], seed: int, **options: Any) -> NDArray[np.float64]:
    out = shift_colours(image, AugmentOptions(**options), np.random.default_rng(seed))
    assert out.dtype == np.uint8 and out.shape == image.shape
    return out.astype(np.float64)


def _luma(image: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(image @ np.array((0.114, 0.587, 0.299)))


@pytest.mark.parametrize("seed", range(5))
def test_brightness_scales_every_channel_alike(mild: NDArray[np.uint8], seed: int) -> None:
    ratio = _shift(mild, seed, brightness=0.4) / mild
    assert np.ptp(ratio) < 0.015 and 0.6 <= ratio.mean() <= 1.4


@pytest.mark.parametrize("seed", range(5))
def test_contrast_keeps_the_mean_grey(mild: NDArray[np.uint8], seed: int) -> None:
    out = _shift(mild, seed, contrast=0.5)
    assert abs(_luma(out).mean() - _luma(mild).mean()) < 0.6
    assert 0.45 < out.std() / mild.std() < 1.55


@pytest.mark.parametrize("options", [{"saturation": 1.0}, {"hue": 180.0}])
@pytest.mark.parametrize("seed", range(5))
def test_saturation_and_hue_keep_luma_and_grey(
    mild: NDArray[np.uint8], seed: int, options: dict[str, float]
) -> None:
    assert np.abs(_luma(_shift(mild, seed, **options)) - _luma(mild)).max() < 1
    grey = np.full((2, 2, 3), 119, np.uint8)
    assert np.array_equal(_shift(grey, seed, **options), grey)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue", "pca"])
def test_every_shift_shifts(mild: NDArray[np.uint8], name: str) -> None:
    outs = [_shift(mild, seed, **{name: 0.9}) for seed in range(10)]
    assert len({out.tobytes() for out in outs}) > 2


def test_a_hue_shift_turns_by_up_to_what_was_asked() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2], red[..., :2] = 150, 90
    hues = []
    for seed in range(40):
        out = _shift(red, seed, hue=30.0).astype(np.uint8)
        hue = 2 * int(cv2.cvtColor(out, cv2.COLOR_BGR2HSV)[0, 0, 0])
        hues.append(hue - 360 if hue > 180 else hue)
    assert min(hues) < -15 and max(hues) > 15 and max(map(abs, hues)) < 45


def test_pca_shifts_the_whole_picture_by_one_colour(mild: NDArray[np.uint8]) -> None:
    casts = []
    for seed in range(50):
        cast = _shift(mild, seed, pca=0.1) - mild
        assert np.ptp(cast, (0, 1)).max() <= 1
        casts.append(cast.mean((0, 1)))
    assert 2 < float(np.std(casts)) < 6
    assert np.corrcoef(np.array(casts).T).min() > 0.9


def test_a_grey_picture_keeps_to_brightness_and_contrast(mild: NDArray[np.uint8]) -> None:
    grey = np.ascontiguousarray(mild[:, :, 0])
    assert np.array_equal(_shift(grey, 0, saturation=1.0, hue=90.0, pca=0.5), grey)
    coloured = _shift(np.dstack([grey] * 3), 4, brightness=0.3, contrast=0.3)
    assert np.abs(coloured[:, :, 1] - _shift(grey, 4, brightness=0.3, contrast=0.3)).max() <= 1


def test_values_are_cut_off_and_do_not_wrap() -> None:
    ends = np.array((((0, 0, 0), (255, 255, 255)),), np.uint8)
    for seed in range(20):
        out = _shift(ends, seed, brightness=0.9, contrast=0.9, pca=1.0)
        assert out[0, 1].mean() >= out[0, 0].mean()
