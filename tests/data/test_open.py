from __future__ import annotations

import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from edgecnn.data.archive import unpack
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.errors import DataError

Paint = Callable[..., Path]


def _tar(path: Path, folder: Path, top: str = "", mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for file in sorted(folder.rglob("*.*")):
            archive.add(file, f"{top}{file.relative_to(folder).as_posix()}")
    return path


def _names(spec: str | Path) -> list[str]:
    return [s.name for d in open_splits(spec) for s in d.samples]


def test_a_split_must_be_named(divided: Path) -> None:
    with pytest.raises(DataError, match=r"has the splits train, test: name one, .*pets:train"):
        open_dataset(divided)
    assert len(open_dataset(f"{divided}:test").samples) == 2
    with pytest.raises(DataError, match="no split 'dev': expected one of: train, test"):
        open_dataset(f"{divided}:dev")


def test_a_set_of_one_split_needs_no_name(divided: Path) -> None:
    shutil.rmtree(divided / "test")
    assert len(open_dataset(divided).samples) == len(open_dataset(f"{divided}:train").samples) == 5


def test_an_undivided_set_has_no_splits(divided: Path) -> None:
    dataset = open_dataset(divided / "train")
    assert dataset.name == str(divided / "train") and len(dataset.samples) == 5
    with pytest.raises(DataError, match="no split 'test': expected one of: none"):
        open_dataset(f"{divided / 'train'}:test")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("top", ["", "Pets/", "data/Pets/"])
def test_an_archive_is_the_set_in_it(divided: Path, tmp_path: Path, mode: str, top: str) -> None:
    suffix = ".tar.gz" if mode.endswith("gz") else ".tar"
    archive = _tar(tmp_path / f"p{suffix}", divided, top, mode)
    assert _names(archive) == _names(divided)
    assert open_dataset(f"{archive}:test").samples[0].read().shape == (16, 24, 3)


def test_a_zip_and_a_folder_with_one_archive(divided: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with zipfile.ZipFile(tmp_path / "home" / "pets.zip", "w") as archive:
        for file in sorted(divided.rglob("*.png")):
            archive.write(file, f"pets/{file.relative_to(divided)}")
    assert _names(tmp_path / "home") == _names(divided)


def test_an_archive_is_unpacked_once_and_again_when_it_changed(
    divided: Path, tmp_path: Path
) -> None:
    archive = _tar(tmp_path / "p.tar", divided)
    first = unpack(archive)
    (first / "mark").touch()
    assert unpack(archive) == first and (first / "mark").exists()
    os.utime(archive, (1, 1))
    assert unpack(archive) != first
    assert sorted(first.parent.iterdir()) == sorted([first, unpack(archive)])


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/out.png", "..\\out.png"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_member_that_would_land_elsewhere_is_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / f"p.{kind}"
    if kind == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr(name, "x")
    with pytest.raises(DataError, match="outside its folder: not unpacked"):
        open_dataset(path)
    assert not list((tmp_path / "cache" / "edgecnn" / "extracted").iterdir())


def test_a_link_out_of_an_archive_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("cat")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.addfile(link)
    with pytest.raises(DataError, match=r"p\.tar: cannot be unpacked: .*absolute"):
        open_dataset(tmp_path / "p.tar")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_larger_than_the_limit_is_refused(
    divided: Path, tmp_path: Path, kind: str
) -> None:
    path = Path(shutil.make_archive(str(tmp_path / "p"), kind, divided))
    with pytest.raises(DataError, match="unpacks to more than 2000 bytes"):
        unpack(path, limit=2000)


@pytest.mark.parametrize("keep", [0, 10, 700, 3000])
@pytest.mark.parametrize("kind", ["tar", "gztar", "zip"])
def test_an_archive_cut_short_leaves_nothing(
    divided: Path, tmp_path: Path, keep: int, kind: str
) -> None:
    path = Path(shutil.make_archive(str(tmp_path / "p"), kind, divided))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"p\..*cannot be unpacked"):
        unpack(path)
    assert not list((tmp_path / "cache" / "edgecnn" / "extracted").iterdir())


def test_the_data_folder_is_looked_in_too(divided: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGECNN_DATA", raising=False)
    with pytest.raises(DataError, match=r"no such dataset in .*EDGECNN_DATA, .* is not set"):
        open_dataset("pets:train")
    monkeypatch.setenv("EDGECNN_DATA", str(divided.parent))
    dataset = open_dataset("pets:train")
    assert (dataset.name, len(dataset.samples)) == ("pets:train", 5)


def test_a_colon_may_stand_in_a_name(divided: Path) -> None:
    odd = divided.rename(divided.with_name("pets:2"))
    assert len(open_dataset(f"{odd}:test").samples) == 2
    assert len(open_splits(odd)) == 2


def _describe(folder: Path, **values: object) -> Path:
    path = folder / "described.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_yaml_fixes_the_classes(divided: Path) -> None:
    path = _describe(divided.parent, path="pets:train", kind="folder", classes=["dog", "cat"])
    dataset = open_dataset(path)
    assert dataset.classes == ("dog", "cat")
    assert [s.label for s in dataset.samples] == [1, 1, 1, 0, 0]


def test_a_yaml_divides_a_set(divided: Path) -> None:
    path = _describe(divided.parent, path="pets:train", split={"train": 0.6, "val": 0.4}, seed=3)
    train, val = open_splits(path)
    assert (train.name, val.name) == (f"{path}:train", f"{path}:val")
    assert len(train.samples) == 3 and len(val.samples) == 2
    again = open_dataset(f"{path}:val")
    assert [s.name for s in again.samples] == [s.name for s in val.samples]
    with pytest.raises(DataError, match="has the splits train, val: name one"):
        open_dataset(path)


def test_a_yaml_divides_one_split_only(divided: Path) -> None:
    path = _describe(divided.parent, path="pets", split={"train": 0.6, "val": 0.4})
    with pytest.raises(DataError, match=r"described\.yaml: path: pets has the splits train, test"):
        open_splits(path)


def test_a_folder_may_describe_itself(divided: Path) -> None:
    (divided / "train" / "dataset.yaml").write_text("split: {a: 0.5, b: 0.5}\n")
    assert [len(d.samples) for d in open_splits(divided / "train")] == [3, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path: pets\ncolour: red", "colour: Extra inputs are not permitted; known keys: path, ki"),
        ("kind: video", "kind: Input should be 'coco'"),
        ("classes: [a, b, a]", "classes: Value error, expected each class once"),
        ("split: {train: 0.6, val: 0.3}", "split: Value error, expected shares that add up to 1"),
        ("split: {train: 1.5}", "split.train: Input should be less than 1"),
        ("- a", "top: Input should be a valid dictionary"),
        ("a: [", "expected a yaml that describes a set"),
        ("path: elsewhere", "elsewhere: no such dataset in"),
        ("path: described.yaml", "a description cannot name another"),
        ("path: pets\nkind: voc", "pets: expected a set of kind voc; got"),
    ],
)
def test_a_description_that_cannot_be_used(divided: Path, text: str, words: str) -> None:
    path = divided.parent / "described.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [(), ("a.png", "b.txt"), ("x/y/z/u/v/w/a.png",)])
def test_a_folder_of_no_known_kind(tmp_path: Path, paint: Paint, names: tuple[str, ...]) -> None:
    (tmp_path / "set").mkdir()
    for name in names:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).touch()
    with pytest.raises(DataError, match=r"set: expected class folders, labels\.csv, VOC"):
        open_dataset(tmp_path / "set")
    with pytest.raises(DataError, match="got a file"):
        open_dataset(paint(tmp_path / "one.png", 1))
