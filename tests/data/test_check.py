from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgecnn.data.check import check, readable, without_degenerate_boxes
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.data.readers.common import ArrayPicture
from edgecnn.data.samples import Dataset, Sample
from edgecnn.data.sheet import fault_sheet
from edgecnn.errors import DataError

Paint = Callable[..., Path]
Voc = Callable[..., Path]


def _faults(spec: str | Path) -> list[tuple[str, str]]:
    return [(f.file, f.kind) for f in check(open_splits(spec)).faults]


def test_a_clean_set_has_no_faults(divided: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check(open_splits(divided), lambda done, total: calls.append((done, total)))
    assert (report.samples, report.faults) == (7, ())
    assert calls == [(i, 7) for i in range(1, 8)]


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((1, 1, 24, 16), None),
        ((0, 0, 24, 16), None),
        ((23, 15, 24, 16), None),
        ((5, 5, 25, 16), "box-outside"),
        ((5, 5, 24, 17), "box-outside"),
        ((-1, 5, 9, 9), "box-outside"),
        ((5, -1, 9, 9), "box-outside"),
        ((5, 5, 5, 5), "box-degenerate"),
        ((9, 5, 5, 9), "box-degenerate"),
        ((5, 9, 9, 9), "box-degenerate"),
        ((5, "nan", 9, 12), "box-degenerate"),
        ((5, 5, "inf", 12), "box-outside"),
        ((0.1, 0.2, 0.8, 0.9), "box-degenerate"),
    ],
)
def test_boxes(voc: Voc, box: tuple[object, ...], kind: str | None) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9), ("nut", *box))
    report = check(open_splits(root))
    assert [f.kind for f in report.faults] == ([kind] if kind else [])
    assert all(f.detail.startswith("box 2 (") for f in report.faults)


@pytest.mark.parametrize("size", [(24, 17), (16, 24), (0, 0)])
def test_a_stated_size_that_differs(voc: Voc, size: tuple[int, int]) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9), size=size)
    (fault,) = check(open_splits(root)).faults
    assert (fault.file, fault.kind) == ("JPEGImages/a.png", "size-mismatch")
    assert fault.detail == f"the labels say {size[0]} x {size[1]}, the picture is 24 x 16"


def test_no_stated_size_is_no_fault(voc: Voc) -> None:
    assert _faults(voc("a", ("nut", 2, 2, 9, 9), size=None)) == []


def test_a_picture_is_measured_upright(voc: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 20), size=(16, 24))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 16)).save(root / "JPEGImages" / "a.jpg", exif=exif)
    (root / "JPEGImages" / "a.png").unlink()
    assert _faults(root) == []


@pytest.mark.parametrize("content", [b"", b"torn", None])
def test_a_picture_that_cannot_be_read(divided: Path, content: bytes | None, voc: Voc) -> None:
    path = divided / "train" / "cat" / "1.png"
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    assert _faults(divided) == [("train/cat/1.png", "unreadable")]
    root = voc("a", ("nut", 2, 2, 9, 9))
    (root / "JPEGImages" / "a.png").unlink()
    assert _faults(root) == [("JPEGImages/a.png", "unreadable")]


def test_a_copy_in_the_split_is_a_duplicate(divided: Path, paint: Paint) -> None:
    paint(divided / "train" / "cat" / "8.png", 1)
    paint(divided / "train" / "cat" / "9.png", 1)
    (first, second) = check(open_splits(divided)).faults
    assert (first.file, first.kind) == ("train/cat/8.png", "duplicate")
    assert first.detail == "the same picture as train/cat/1.png"
    assert second.file == "train/cat/9.png"


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm"])
def test_a_copy_in_another_split_is_a_leak(divided: Path, suffix: str) -> None:
    """Another name, file format or metadata hide nothing: the pixels are compared."""
    pixels = cv2.imread(str(divided / "train" / "dog" / "1.png"))
    assert pixels is not None
    cv2.imwrite(str(divided / "test" / "dog" / f"other{suffix}"), pixels)
    (fault,) = check(open_splits(divided)).faults
    assert (fault.file, fault.kind) == (f"test/dog/other{suffix}", "leak")
    expected = f"in {divided}:test; the same picture as train/dog/1.png in {divided}:train"
    assert fault.detail == expected


def test_one_picture_with_two_labels(divided: Path, paint: Paint) -> None:
    paint(divided / "train" / "dog" / "5.png", 0)
    faults = check(open_splits(divided)).faults
    assert [f.kind for f in faults] == ["duplicate", "label-conflict"]
    assert faults[1].detail == "the same picture is dog here, cat as train/cat/0.png"


def test_one_picture_with_other_boxes(voc: Voc) -> None:
    voc("a", ("nut", 2, 2, 9, 9), seed=1)
    voc("b", ("nut", 2, 2, 9, 9), ("nut", 3, 3, 8, 8), seed=1)
    root = voc("c", ("nut", 3, 3, 8, 8), ("nut", 2, 2, 9, 9), seed=1)
    faults = check(open_splits(root)).faults
    conflicts = [(f.file, f.detail) for f in faults if f.kind == "label-conflict"]
    assert [file for file, _ in conflicts] == ["JPEGImages/b.png", "JPEGImages/c.png"]
    assert "labelled with 2 boxes here, labelled with 1 box as" in conflicts[0][1]


def test_faults_of_the_reader_are_in_the_report(divided: Path) -> None:
    (divided / "test" / "cat" / "notes.txt").touch()
    assert _faults(divided) == [("test/cat/notes.txt", "not-a-picture")]


def test_an_index_that_is_no_class(divided: Path) -> None:
    picture = ArrayPicture(np.zeros((8, 8), np.uint8))
    other, box = ArrayPicture(np.ones((8, 8), np.uint8)), np.array([[1, 1, 5, 5]], np.float32)
    boxed = Sample("b", other, boxes=box, box_labels=np.ones(1, np.int64))
    made = Dataset("made", ("x",), (Sample("a", picture, -1), boxed))
    faults = [(f.file, f.kind, f.detail) for f in check([made]).faults]
    assert faults == [("a", "unknown-class", "class -1: expected 0 to 0"),
                      ("b", "unknown-class", "class 1: expected 0 to 0")]  # fmt: skip


def test_what_cannot_be_read_is_left_out_and_told(divided: Path) -> None:
    (divided / "train" / "cat" / "1.png").write_bytes(b"torn")
    calls: list[int] = []
    whole = open_dataset(f"{divided}:train")
    kept, faults = readable(whole, lambda done, total: calls.append(total))
    assert len(kept.samples) == 4 and calls == [5] * 5
    assert [(f.file, f.kind) for f in faults] == [("train/cat/1.png", "unreadable")]
    with pytest.raises(DataError, match=r"no picture of it can be read: .*1\.png"):
        readable(Dataset("d", ("cat",), whole.samples[1:2]))


def test_boxes_without_an_area_are_left_out_and_told(voc: Voc) -> None:
    voc("a", ("nut", 2, 2, 9, 9))
    dataset = open_dataset(voc("b", ("bolt", 5, 5, 5, 5), ("nut", 2, 2, 9, 99)))
    kept, faults = without_degenerate_boxes(dataset)
    assert kept.samples[0] is dataset.samples[0]
    assert kept.samples[1].boxes.tolist() == [[1, 1, 9, 99]]
    assert kept.samples[1].box_labels.tolist() == [1]
    assert [(f.file, f.kind) for f in faults] == [("JPEGImages/b.png", "box-degenerate")]


def test_the_sheet_shows_the_pictures_with_faults(voc: Voc, paint: Paint) -> None:
    voc("a", ("nut", 2, 2, 9, 9))
    voc("b", ("nut", 2, 2, 9, 9), ("nut", 4, 4, 40, "nan"))
    root = voc("c", ("nut", 2, 2, 9, 9), ("nut", 4, 4, 40, 12))
    (root / "JPEGImages" / "a.png").write_bytes(b"torn")
    splits = open_splits(root)
    sheet = fault_sheet(splits, check(splits).faults)
    assert sheet is not None and sheet.shape == (2 * 272, 2 * 240, 3)
    assert (sheet == (0, 0, 255)).all(2).any() and (sheet == (0, 160, 0)).all(2).any()
    assert fault_sheet(splits, ()) is None


@pytest.mark.parametrize(
    ("name", "samples"),
    [("mnist", 70_000), ("cifar10_jpg", 5000), ("sign_digits", 500)],
)
def test_real_sets_are_clean(real_data: Path, name: str, samples: int) -> None:
    report = check(open_splits(real_data / name))
    assert (report.samples, report.faults) == (samples, ())
