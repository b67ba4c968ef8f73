from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.images import list_images
from edgecnn.errors import DataError
from edgecnn_export.calibration import load_calibration

SPEC = InputSpec(height=32, width=192, mean=(127.5,) * 3, std=(127.5,) * 3)


@pytest.fixture
def few(calibration: Path, tmp_path: Path) -> Path:
    """Ten pictures without a manifest."""
    folder = tmp_path / "few"
    folder.mkdir()
    for picture in list_images(calibration)[:10]:
        shutil.copy(picture, folder)
    return folder


def test_the_projects_set_is_as_its_manifest_says(calibration: Path) -> None:
    found = load_calibration(calibration, SPEC)
    assert found.inputs.shape == (200, 32, 192, 3)
    assert len(set(found.hashes)) == 200


def test_a_folder_a_list_and_an_array_give_the_same_set(few: Path, tmp_path: Path) -> None:
    folder = load_calibration(few, SPEC)
    (tmp_path / "list.txt").write_text("\n".join(str(p) for p in list_images(few)))
    np.save(tmp_path / "array.npy", folder.inputs)
    np.savez(tmp_path / "array.npz", folder.inputs)
    for other in ("list.txt", "array.npy", "array.npz"):
        assert load_calibration(tmp_path / other, SPEC).sha256 == folder.sha256


def test_fewer_than_eight_are_refused(few: Path) -> None:
    for picture in list_images(few)[:3]:
        picture.unlink()
    with pytest.raises(DataError, match="7 samples, expected at least 8"):
        load_calibration(few, SPEC)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((9, 3, 32, 192), np.float32), r"expected float32 \(N, 32, 192, 3\)"),
        (np.zeros((9, 32, 192, 3), np.uint8), "got uint8"),
        (np.full((9, 32, 192, 3), np.nan, np.float32), "NaN"),
    ],
)
def test_arrays_of_another_shape_type_or_value_are_refused(
    tmp_path: Path, array: np.ndarray, says: str
) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=says):
        load_calibration(tmp_path / "a.npy", SPEC)


def test_an_empty_folder_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in it"):
        load_calibration(tmp_path / "empty", SPEC)
    with pytest.raises(DataError, match="no such calibration set"):
        load_calibration(tmp_path / "absent", SPEC)


def test_a_damaged_picture_is_named(few: Path) -> None:
    victim = list_images(few)[4]
    victim.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=victim.name):
        load_calibration(few, SPEC)


def test_a_picture_that_is_not_the_listed_one_is_refused(few: Path) -> None:
    entries = [{"file": p.name, "sha256": "0" * 64} for p in list_images(few)]
    (few / "manifest.json").write_text(json.dumps({"files": entries}))
    with pytest.raises(DataError, match="hash differs"):
        load_calibration(few, SPEC)
