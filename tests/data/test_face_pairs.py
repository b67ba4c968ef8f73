from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.face_pairs import Portrait, find_people, find_portraits, read_pairs
from edgecnn.errors import DataError

PAIRS = "2\t1\nann\t1\t2\nann\t1\tbob\t3\ncid\t4\t10\nbob\t3\tcid\t4\n"


def test_pairs_are_read_fold_by_fold(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(PAIRS)
    found = read_pairs(path)
    assert found.pairs[0] == (Portrait("ann", 1), Portrait("ann", 2))
    assert found.pairs[3] == (Portrait("bob", 3), Portrait("cid", 4))
    assert found.same.tolist() == [True, False, True, False]
    assert found.folds.tolist() == [0, 0, 1, 1]
    assert [p.stem for p in found.portraits] == [
        "ann_0001", "ann_0002", "bob_0003", "cid_0004", "cid_0010",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "line 1"), ("ten\t3\n", "line 1"), ("1\t1\nann\t1\t2\n", "expected 2 pairs, got 1"),
     ("1\t1\nann\t1\tx\nann\t1\tbob\t2\n", "line 2: expected a name"),
     ("1\t1\nann\t1\tbob\t2\nann\t1\t2\n", "line 2: expected a pair of one person"),
     ("1\t1\nann 1 2\nann\t1\tbob\t2\n", "with tabs between")],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        read_pairs(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "none.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for person, number in (("ann", 1), ("ann", 2), ("bob", 3)):
        file = tmp_path / "set" / "lfw" / person / f"{person}_{number:04}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a picture")
    (tmp_path / "set" / "lfw" / "nobody").mkdir()
    return tmp_path / "set"


def test_people_are_found_in_folders_and_archives_alike(folder: Path) -> None:
    archive = folder.parent / "set.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / "lfw", "lfw")
    for source in (folder, folder / "lfw", archive):
        people = find_people(source)
        assert {name: len(files) for name, files in people.items()} == {"ann": 2, "bob": 1}
    found = find_portraits(people, [Portrait("ann", 2)])
    assert [path.name for path in found.values()] == ["ann_0002.jpg"]


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 2 pictures .* such as cid_0001"):
        find_portraits(find_people(folder), [Portrait("ann", 1), Portrait("cid", 1)])
    for wrong in (tmp_path / "none", folder / "lfw" / "nobody"):
        with pytest.raises(DataError, match="a folder for each person"):
            find_people(wrong)


def test_the_real_pairs_are_read(real_data: Path) -> None:
    found = read_pairs(real_data / "lfw_pairs_folds1-5.txt")
    assert (len(found.pairs), int(found.same.sum())) == (3000, 1500)
    assert np.bincount(found.folds).tolist() == [600] * 5
