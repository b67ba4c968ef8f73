"""What happens to the pixels themselves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.errors import DataError

EVERYTHING: dict[str, Any] = {
    "mirror": 0.5, "crop": (0.3, 1.0), "crop_padding": 4, "rotation": 20.0, "shear": 10.0,
    "zoom": (0.8, 1.25), "warp": 0.05, "brightness": 0.2, "contrast": 0.2, "saturation": 0.3,
    "hue": 20.0, "pca": 0.1, "erase": 0.5,
}  # fmt: skip


@pytest.fixture(params=["colour", "grey"])
def noise(request: pytest.FixtureRequest) -> NDArray[np.uint8]:
    shape = (33, 46, 3) if request.param == "colour" else (33, 46)
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def _change(
    image: NDArray[np.uint8], size: tuple[int, int] | None = None, seed: int = 0, **options: Any
) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return augment(LabelledPicture(image), AugmentOptions(**options), rng, size).image


def test_nothing_asked_leaves_every_bit(noise: NDArray[np.uint8]) -> None:
    out = _change(noise)
    assert np.array_equal(out, noise) and out.flags.c_contiguous


def test_a_mirror_is_exact_and_its_own_inverse(noise: NDArray[np.uint8]) -> None:
    out = _change(noise, mirror=1.0)
    assert np.array_equal(out, noise[:, ::-1]) and out.flags.c_contiguous
    assert np.array_equal(_change(out, mirror=1.0), noise)


def test_a_padded_shift_moves_whole_pixels(noise: NDArray[np.uint8]) -> None:
    pad = ((4, 4), (4, 4), (0, 0))[: noise.ndim]
    wide = np.pad(noise, pad, constant_values=128)
    height, width = noise.shape[:2]
    cuts = {wide[y : y + height, x : x + width].tobytes() for y in range(9) for x in range(9)}
    shifted = [_change(noise, seed=s, crop_padding=4, border="grey") for s in range(20)]
    assert all(image.tobytes() in cuts for image in shifted)
    assert len({image.tobytes() for image in shifted}) > 10


def test_a_new_size_alone_is_a_plain_resize(noise: NDArray[np.uint8]) -> None:
    small = cv2.resize(noise, (20, 16), interpolation=cv2.INTER_AREA)
    assert np.array_equal(_change(noise, (16, 20)), small)
    large = cv2.resize(noise, (90, 70), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(_change(noise, (70, 90)), large)


def test_a_crop_shows_a_part_of_the_asked_area_and_shape() -> None:
    ys, xs = np.mgrid[:200, :250].astype(np.uint8)
    places = np.dstack((xs, ys, xs))
    shares, aspects = [], []
    for seed in range(100):
        out = _change(places, (160, 160), seed, crop=(0.2, 0.5), crop_aspect=(0.5, 2.0))
        across = float(np.ptp(out[:, :, 0])) * 160 / 159
        down = float(np.ptp(out[:, :, 1])) * 160 / 159
        shares.append(across * down / places[:, :, 0].size)
        aspects.append(across / down)
    assert 0.18 < min(shares) < 0.25 and 0.45 < max(shares) < 0.53
    assert 0.45 < min(aspects) < 0.7 and 1.4 < max(aspects) < 2.2


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (31, 31, 3), np.uint8)
    turned = {_change(noise, seed=s, rotation=180.0).tobytes() for s in range(5)}
    assert len(turned) == 5

    class Quarter(np.random.Generator):
        def uniform(self, *_: Any, **__: Any) -> Any:
            return 90.0

    out = augment(LabelledPicture(noise), AugmentOptions(rotation=90.0), Quarter(np.random.PCG64()))
    assert np.array_equal(out.image, np.rot90(noise, -1))


@pytest.mark.parametrize("options", [{"zoom": (0.25, 0.25)}, {"rotation": 30.0, "crop": (0.9, 1)}])
def test_fine_stripes_become_grey_when_they_shrink(options: dict[str, Any]) -> None:
    stripes = np.zeros((400, 400), np.uint8)
    stripes[:, ::2] = 255
    size = None if "zoom" in options else (110, 110)
    out = _change(stripes, size, **options)
    middle = out[out.shape[0] // 2 - 40 :, out.shape[1] // 2 - 40 :][:80, :80]
    assert middle.std() < 20 and abs(middle.mean() - 127) < 4


def test_grey_outside_where_it_is_asked_for() -> None:
    image = np.full((40, 40, 3), 255, np.uint8)
    out = _change(image, zoom=(0.5, 0.5), border="grey")
    assert (out[:8] == 128).all() and (out[15:25, 15:25] == 255).all()
    assert (_change(image, zoom=(0.5, 0.5)) == 255).all()


@pytest.mark.parametrize("size", [None, (24, 24)])
def test_equal_seeds_give_equal_bytes(
    noise: NDArray[np.uint8], size: tuple[int, int] | None
) -> None:
    before = noise.copy()
    first = [_change(noise, size, seed, **EVERYTHING) for seed in range(10)]
    again = [_change(noise, size, seed, **EVERYTHING) for seed in range(10)]
    assert [a.tobytes() for a in first] == [a.tobytes() for a in again]
    assert len({a.tobytes() for a in first}) == 10
    assert all(a.shape == (size or noise.shape[:2]) + noise.shape[2:] for a in first)
    assert np.array_equal(noise, before)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9), (2, 300, 3)])
def test_the_smallest_pictures_survive(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 77, np.uint8)
    for seed in range(10):
        out = _change(image, (8, 8), seed, mirror=0.5, crop=(0.1, 1), rotation=90, warp=0.05)
        assert out.shape == (8, 8, *shape[2:]) and (out == 77).all()


def test_erasing_paints_one_rectangle() -> None:
    image = np.full((60, 80, 3), 9, np.uint8)
    shares = []
    for seed in range(30):
        ys, xs = np.nonzero((_change(image, seed=seed, erase=1.0) != 9).any(2))
        shares.append(len(xs) / 4800)
        assert len(xs) == (np.ptp(xs) + 1) * (np.ptp(ys) + 1)
    assert min(shares) > 0.01 and 0.1 < max(shares) < 0.22


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop": (0.0, 1.0)}, "crop must lie within"),
        ({"zoom": (2.0, 1.0)}, "low to high"),
        ({"warp": 0.1, "warp_grid": 8}, "warp times warp_grid"),
        ({"mirror_pairs": ((0, 0),)}, "distinct indices"),
        ({"mirorr": 1.0}, "Extra inputs"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AugmentOptions(**options)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(DataError, match=r"got float32 \(2, 2\)"):
        LabelledPicture(np.zeros((2, 2), np.float32))
