from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.images import list_images
from edgecnn.errors import DataError
from edgecnn_export.calibration import CalibrationSet, load_calibration, split_calibration


def test_every_set_of_the_project_is_as_its_manifest_says(root: Path, spec: InputSpec) -> None:
    manifests = sorted((root / "calibration").glob("*/manifest.json"))
    assert manifests
    for manifest in manifests:
        facts = json.loads(manifest.read_text())
        assert {"purpose", "made_by", "licence", "files"} <= facts.keys()
        listed = {entry["file"] for entry in facts["files"]}
        assert listed == {p.name for p in list_images(manifest.parent)}
        found = load_calibration(manifest.parent, spec)
        assert len(found.inputs) == len(set(found.hashes)) == len(listed)
        assert found.inputs[0].shape == (32, 192, 3)
        assert found.warnings == ()


def test_a_manifest_stands_for_its_folder(calibration: Path, spec: InputSpec) -> None:
    found = load_calibration(calibration / "manifest.json", spec, samples=12)
    assert found.id == "serial-lines, 12 of 200 by seed 0"
    assert found.hashes == load_calibration(calibration, spec, samples=12).hashes


def test_a_folder_a_list_and_an_array_give_the_same_set(
    few: Path, tmp_path: Path, spec: InputSpec
) -> None:
    folder = load_calibration(few, spec)
    (tmp_path / "list.txt").write_text("\n".join(str(p) for p in list_images(few)))
    np.save(tmp_path / "array.npy", np.stack(list(folder.inputs)))
    np.savez(tmp_path / "array.npz", np.stack(list(folder.inputs)))
    for other in ("list.txt", "array.npy", "array.npz"):
        assert load_calibration(tmp_path / other, spec).sha256 == folder.sha256


def test_fewer_than_eight_are_refused(few: Path, spec: InputSpec) -> None:
    for picture in list_images(few)[:3]:
        picture.unlink()
    with pytest.raises(DataError, match="7 samples, expected at least 8"):
        load_calibration(few, spec)


def test_an_empty_folder_and_a_missing_path_are_refused(tmp_path: Path, spec: InputSpec) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in it"):
        load_calibration(tmp_path / "empty", spec)
    with pytest.raises(DataError, match="no such calibration set"):
        load_calibration(tmp_path / "absent", spec)


def test_a_damaged_picture_is_named(few: Path, spec: InputSpec) -> None:
    victim = list_images(few)[4]
    victim.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=victim.name):
        load_calibration(few, spec)


def test_a_picture_that_is_not_the_listed_one_is_refused(few: Path, spec: InputSpec) -> None:
    entries = [{"file": p.name, "sha256": "0" * 64} for p in list_images(few)]
    (few / "manifest.json").write_text(json.dumps({"files": entries}))
    with pytest.raises(DataError, match="hash differs"):
        load_calibration(few, spec)


def test_a_picture_is_decoded_when_it_is_asked_for_and_not_kept(few: Path, spec: InputSpec) -> None:
    found = load_calibration(few, spec)
    first = [x.copy() for x in found.inputs]
    assert all(np.array_equal(x, y) for x, y in zip(first, found.inputs, strict=True))
    assert np.array_equal(found.inputs[3], first[3])
    assert len(found.pictures) == 10
    list_images(few)[3].unlink()
    with pytest.raises(DataError, match="cannot be read"):
        found.inputs[3]


@pytest.mark.parametrize(
    ("samples", "many", "some", "two"), [(12, 5, 5, 2), (30, 18, 10, 2), (42, 30, 10, 2)]
)
def test_a_choice_takes_as_many_of_each_class_as_there_are(
    by_class: Path, spec: InputSpec, samples: int, many: int, some: int, two: int
) -> None:
    found = load_calibration(by_class, spec, samples=samples)
    assert found.classes is not None
    assert Counter(found.classes) == {"0": many, "1": some, "2": two}


def test_a_choice_is_the_seeds(few: Path, by_class: Path, spec: InputSpec) -> None:
    for path, number in ((few, 8), (by_class, 9)):
        first = load_calibration(path, spec, samples=number, seed=1)
        assert load_calibration(path, spec, samples=number, seed=1).hashes == first.hashes
        assert load_calibration(path, spec, samples=number, seed=2).sha256 != first.sha256
        assert len(first.inputs) == number
    with pytest.raises(DataError, match="expected at least 8 calibration samples, got 7"):
        load_calibration(few, spec, samples=7)


def test_a_split_of_a_dataset_is_named_as_everywhere(
    by_class: Path, tmp_path: Path, spec: InputSpec
) -> None:
    (tmp_path / "parts").mkdir()
    for part in ("train", "val"):
        os.symlink(by_class, tmp_path / "parts" / part)
    found = load_calibration(f"{tmp_path}/parts:val", spec)
    assert (found.id, len(found.inputs)) == ("parts:val", 42)
    with pytest.raises(DataError, match="has the splits train, val: name one"):
        load_calibration(tmp_path / "parts", spec)


def test_what_a_dataset_leaves_out_is_said(by_class: Path, spec: InputSpec) -> None:
    (by_class / "many" / "notes.txt").write_text("mine")
    (warning,) = load_calibration(by_class, spec).warnings
    assert "1 entries are left out, the first: many/notes.txt" in warning


def test_a_fifth_is_held_back_of_each_class(by_class: Path, spec: InputSpec) -> None:
    whole = load_calibration(by_class, spec)
    kept, held = split_calibration(whole)
    assert held.classes is not None
    assert Counter(held.classes)["0"] == 6
    assert Counter(held.classes)["1"] == 2
    assert sorted(kept.hashes + held.hashes) == sorted(whole.hashes)
    assert kept.id != held.id != whole.id
    by_hash = dict(zip(whole.hashes, whole.inputs, strict=True))
    for part in (kept, held):
        assert len(part.pictures) == len(part.inputs)
        for name, sample in zip(part.hashes, part.inputs, strict=True):
            assert np.array_equal(by_hash[name], sample)
    assert split_calibration(whole, seed=0)[1].hashes == held.hashes
    assert split_calibration(whole, seed=1)[1].hashes != held.hashes


def test_equal_samples_are_held_back_together() -> None:
    inputs = np.arange(40, dtype=np.float32).reshape(40, 1, 1, 1) % 20
    whole = CalibrationSet("twice", inputs, tuple(str(int(x.item())) for x in inputs))
    kept, held = split_calibration(whole)
    assert not {*kept.hashes} & {*held.hashes}
    assert len(held.inputs) == 8
    assert [int(x.item()) for x in held.inputs] == [int(name) for name in held.hashes]


def test_too_few_to_hold_any_back_is_refused(few: Path, spec: InputSpec) -> None:
    whole = load_calibration(few, spec)
    assert [len(part.inputs) for part in split_calibration(whole)] == [8, 2]
    with pytest.raises(DataError, match="of 10 samples 5 are held back for the gate and 5 left"):
        split_calibration(whole, share=0.5)
    with pytest.raises(DataError, match="above 0 and below 1, got 1"):
        split_calibration(whole, share=1)
