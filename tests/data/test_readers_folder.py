from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.open import open_dataset
from edgecnn.data.readers import folder
from edgecnn.data.readers.common import FilePicture, order_splits
from edgecnn.errors import DataError

Paint = Callable[..., Path]


def test_classes_are_the_folders_of_all_splits(divided: Path, paint: Paint) -> None:
    paint(divided / "test" / "ant" / "5.png", 50)
    train, test = folder.load(divided, folder.splits(divided))
    assert train.classes == test.classes == ("ant", "cat", "dog")
    assert [s.label for s in train.samples] == [1, 1, 1, 2, 2]
    assert [s.name for s in test.samples] == ["test/ant/5.png", "test/cat/9.png", "test/dog/9.png"]


def test_a_sample_survives_a_trip_to_a_worker(divided: Path) -> None:
    sample = open_dataset(f"{divided}:train").samples[0]
    there = pickle.loads(pickle.dumps(sample))
    assert np.array_equal(there.read(), sample.read())
    assert there.read().shape == (16, 24, 3)


def test_pictures_below_a_class_folder_belong_to_it(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "set" / "cat" / "0.png", 0)
    paint(tmp_path / "set" / "cat" / "monday" / "1.png", 1)
    (dataset,) = folder.load(tmp_path / "set", ("",))
    assert [s.name for s in dataset.samples] == ["cat/0.png", "cat/monday/1.png"]


def test_nothing_is_left_out_in_silence(divided: Path, paint: Paint) -> None:
    (divided / "train" / "cat" / "notes.txt").write_text("x")
    (divided / "train" / "cat" / ".DS_Store").write_text("x")
    (divided / "train" / "emu").mkdir()
    paint(divided / "train" / "stray.png", 60)
    dataset = open_dataset(f"{divided}:train")
    assert {(f.file, f.kind) for f in dataset.faults} == {
        ("train/cat/notes.txt", "not-a-picture"),
        ("train/emu", "empty-class"),
        ("train/stray.png", "unlabelled"),
    }


def test_a_folder_that_is_no_class_is_a_fault(divided: Path) -> None:
    (dataset,) = folder.load(divided, ("train",), ("dog", "cow"))
    assert [s.label for s in dataset.samples] == [0, 0]
    assert {f.kind for f in dataset.faults} == {"unknown-class"}
    assert len(dataset.faults) == 3 and "expected one of dog, cow" in dataset.faults[0].detail


def test_a_flat_test_folder_makes_no_class_of_it(divided: Path, paint: Paint) -> None:
    paint(divided / "later" / "0.png", 70)
    assert folder.splits(divided) == ("train", "test")


def test_splits_are_listed_in_the_usual_order() -> None:
    found = order_splits(["zoo", "test", "val", "extra", "train"])
    assert found == ("train", "val", "test", "extra", "zoo")


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_picture_cut_short_is_damaged(divided: Path, keep: float, paint: Paint) -> None:
    """OpenCV 4 gives such a JPEG with a grey rest; asking for its end finds it."""
    path = paint(divided / "x.jpg", 1, (200, 100))
    assert FilePicture(path)().shape == (100, 200, 3)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DataError, match=r"x\.jpg"):
        FilePicture(path)()


def test_an_end_in_the_preview_is_no_end(divided: Path, paint: Paint) -> None:
    path = paint(divided / "x.jpg", 1, (200, 100))
    data = path.read_bytes()
    preview = b"\xff\xe1\x00\x08\xff\xd8\xff\xd9ab"
    path.write_bytes(data[:2] + preview + data[2:])
    assert FilePicture(path)().shape == (100, 200, 3)
    path.write_bytes(data[:2] + preview + data[2:-2])
    with pytest.raises(DataError, match=r"x\.jpg"):
        FilePicture(path)()


def test_a_name_that_cannot_be_one_is_a_data_error() -> None:
    with pytest.raises(DataError, match="not a usable name"):
        FilePicture(Path("a\0b.png"))()
