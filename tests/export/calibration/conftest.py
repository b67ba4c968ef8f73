"""Small sets of pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.images import list_images


@pytest.fixture(scope="session")
def spec() -> InputSpec:
    return InputSpec(height=32, width=192, mean=(127.5,) * 3, std=(127.5,) * 3)


@pytest.fixture
def few(calibration: Path, tmp_path: Path) -> Path:
    """Ten pictures without a manifest."""
    folder = tmp_path / "few"
    folder.mkdir()
    for picture in list_images(calibration)[:10]:
        shutil.copy(picture, folder)
    return folder


@pytest.fixture
def by_class(tmp_path: Path) -> Path:
    """A folder per class: 30, 10 and 2 pictures."""
    rng = np.random.default_rng(1)
    for name, number in (("many", 30), ("some", 10), ("two", 2)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for index in range(number):
            picture = rng.integers(0, 256, (8, 8, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "set" / name / f"{index}.png"), picture)
    return tmp_path / "set"
