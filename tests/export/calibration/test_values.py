from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn_export.calibration import CalibrationSet, load_calibration

SIDE = 16
MEANS = {"raw": 0.0, "unit": 0.0, "signed": 127.5, "imagenet": 118.0, "minus mean": 118.0}
STDS = {"raw": 1.0, "unit": 255.0, "signed": 127.5, "imagenet": 58.0, "minus mean": 1.0}


def _spec(scale: str) -> InputSpec:
    return InputSpec(height=SIDE, width=SIDE, mean=(MEANS[scale],) * 3, std=(STDS[scale],) * 3)


def _load(folder: Path, pixels: NDArray[np.float64], given: str, expected: str) -> CalibrationSet:
    """Load pixels that were prepared in one way for a network that takes another."""
    values = (pixels - MEANS[given]) / STDS[given]
    np.save(folder / "a.npy", values.astype(np.float32))
    return load_calibration(folder / "a.npy", _spec(expected))


@pytest.fixture
def pixels() -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    found = rng.uniform(0, 255, (9, SIDE, SIDE, 3))
    found[0, 0, 0], found[0, 0, 1] = 0, 255
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [("raw", "unit"), ("raw", "signed"), ("raw", "imagenet"), ("raw", "minus mean"),
     ("unit", "raw"), ("signed", "raw"), ("signed", "unit"), ("imagenet", "unit"),
     ("imagenet", "signed"), ("minus mean", "raw"), ("minus mean", "signed")],
)  # fmt: skip
def test_another_scale_is_refused_with_both_ranges(
    tmp_path: Path, pixels: NDArray[np.float64], given: str, expected: str
) -> None:
    with pytest.raises(DataError, match=r"expected values of -?[\d.]+\.\.[\d.]+, got -?[\d.]+\.\."):
        _load(tmp_path, pixels, given, expected)


@pytest.mark.parametrize(("given", "expected"), [("unit", "signed"), ("unit", "imagenet")])
def test_a_scale_that_might_be_meant_is_a_warning(
    tmp_path: Path, pixels: NDArray[np.float64], given: str, expected: str
) -> None:
    (warning,) = _load(tmp_path, pixels, given, expected).warnings
    assert "they look scaled to 0..1" in warning


@pytest.mark.parametrize("scale", [*MEANS])
@pytest.mark.parametrize(
    ("factor", "offset", "warned"),
    [(1, 0, False), (0.1, 0, False), (0.05, 100, False), (0.3, 178, False), (1.1, -12, False),
     (0.01, 0, True), (0.0, 0, True)],
    ids=["any", "dark", "flat", "bright", "overshoot", "nearly black", "black"],
)  # fmt: skip
def test_dark_flat_and_overshooting_pictures_raise_no_alarm(
    tmp_path: Path, pixels: NDArray[np.float64], scale: str, factor: float, offset: float,
    warned: bool,
) -> None:  # fmt: skip
    warnings = _load(tmp_path, pixels * factor + offset, scale, scale).warnings
    assert [("less than 2% of the range is used" in w) for w in warnings] == [True] * warned


@pytest.mark.parametrize("scale", [*MEANS])
def test_pictures_are_never_refused_for_their_values(tmp_path: Path, scale: str) -> None:
    rng = np.random.default_rng(5)
    for name, low, high in (("black", 0, 1), ("dark", 0, 3), ("bright", 127, 256)):
        (tmp_path / name).mkdir()
        for index in range(8):
            picture = rng.integers(low, high, (SIDE, SIDE, 3)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / name / f"{index}.png"), picture)
        found = load_calibration(tmp_path / name, _spec(scale))
        assert len(found.warnings) == (name != "bright")


def test_channels_are_judged_each_by_its_own_mean(tmp_path: Path) -> None:
    spec = InputSpec(height=SIDE, width=SIDE, mean=(0, 100, 200), std=(1, 1, 1), layout="nchw")
    values = np.zeros((8, 3, SIDE, SIDE), np.float32)
    values[:, 2] = np.linspace(-200, 55, SIDE)
    np.save(tmp_path / "a.npy", values)
    assert load_calibration(tmp_path / "a.npy", spec).warnings == ()
    np.save(tmp_path / "a.npy", values[:, ::-1])
    with pytest.raises(DataError, match=r"expected values of -200..255, got -200..55"):
        load_calibration(tmp_path / "a.npy", spec)
