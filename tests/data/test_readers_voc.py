from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.data.readers import voc as reader
from edgecnn.errors import DataError

Voc = Callable[..., Path]


def test_boxes_count_from_0_and_end_after_their_last_pixel(voc: Voc) -> None:
    voc("a", ("nut", 1, 1, 24, 16), ("bolt", 3, 4, 10, 12))
    dataset = open_dataset(voc("b", ("nut", 0, 0, 24, 16)))
    a, b = dataset.samples
    assert dataset.classes == ("bolt", "nut")
    assert a.boxes.tolist() == [[0, 0, 24, 16], [2, 3, 10, 12]]
    assert a.box_labels.tolist() == [1, 0]
    assert b.boxes.tolist() == [[0, 0, 24, 16]]
    assert a.size == (24, 16) and a.name == "JPEGImages/a.png"
    assert check([dataset]).faults == ()


def test_splits_come_from_image_sets(voc: Voc) -> None:
    voc("a", ("nut", 2, 2, 9, 9), split="train")
    voc("b", ("bolt", 2, 2, 9, 9), split="val")
    root = voc("c", ("nut", 2, 2, 9, 9), split="test")
    main = root / "ImageSets" / "Main"
    (main / "trainval.txt").write_text("a\nb\n")
    (main / "nut_train.txt").write_text("a  1\n")
    assert reader.splits(root) == ("train", "trainval", "val", "test")
    assert [len(d.samples) for d in open_splits(root)] == [1, 1, 1]
    both = open_dataset(f"{root}:trainval")
    assert len(both.samples) == 2 and both.classes == ("bolt", "nut")


def test_a_listed_picture_without_annotation_is_a_fault(voc: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9), split="train")
    with (root / "ImageSets" / "Main" / "train.txt").open("a") as file:
        file.write("gone\n")
    (fault,) = open_dataset(root).faults
    assert (fault.file, fault.kind) == ("Annotations/gone.xml", "unlabelled")


def test_a_picture_that_no_annotation_names_is_a_fault(voc: Voc, paint: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9))
    paint(root / "JPEGImages" / "z.png", 9)
    (fault,) = open_dataset(root).faults
    assert (fault.file, fault.kind) == ("JPEGImages/z.png", "unlabelled")


def test_a_wrong_filename_falls_back_on_the_annotations_own(voc: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9))
    path = root / "Annotations" / "a.xml"
    path.write_text(path.read_text().replace("a.png", "once-called-so.jpg"))
    assert open_dataset(root).samples[0].read().shape == (16, 24, 3)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("</annotation>", "", "expected a VOC annotation: no element found"),
        ("<width>24", "<width>wide", "size: expected two numbers, got 'wide', '16'"),
        ("<xmin>2</xmin>", "", "object 1: no bndbox/xmin: expected xmin, ymin, xmax, ymax"),
        ("<xmin>2", "<xmin>two", "object 1: bndbox/xmin: expected a number, got 'two'"),
        ("<name>nut", "<name>", "object 1: no name: expected the class"),
    ],
)
def test_a_bad_annotation_is_a_fault_and_the_rest_is_read(
    voc: Voc, old: str, new: str, words: str
) -> None:
    voc("a", ("bolt", 2, 2, 9, 9))
    root = voc("b", ("nut", 2, 2, 9, 9))
    path = root / "Annotations" / "b.xml"
    path.write_text(path.read_text().replace(old, new))
    (fault,) = open_dataset(root).faults
    assert (fault.file, fault.kind) == ("Annotations/b.xml", "bad-label")
    assert words in fault.detail


def test_an_object_that_is_no_class_is_a_fault(voc: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9), ("moth", 3, 3, 8, 8))
    (dataset,) = reader.load(root, ("",), ("nut", "bolt"))
    (fault,) = dataset.faults
    assert (fault.kind, fault.detail) == ("unknown-class", "'moth': expected one of nut, bolt")
    assert dataset.samples[0].box_labels.tolist() == [0]


def test_without_pictures_or_annotations_it_cannot_be_used(voc: Voc) -> None:
    root = voc("a", ("nut", 2, 2, 9, 9))
    (root / "Annotations" / "a.xml").write_text("<annotation>")
    with pytest.raises(DataError, match="no usable sample in it; the first of 1: Ann"):
        open_dataset(root)
    (root / "JPEGImages").rename(root / "pictures")
    with pytest.raises(DataError, match="expected a folder JPEGImages beside Annotations"):
        open_dataset(root)


def test_the_two_invalid_boxes_of_bccd_are_found(real_data: Path) -> None:
    splits = open_splits(real_data / "bccd")
    report = check(splits)
    assert [len(d.samples) for d in splits] == [205, 87, 72]
    assert sum(len(s.boxes) for d in splits for s in d.samples) == 4888
    assert splits[0].classes == ("Platelets", "RBC", "WBC")
    assert {(f.file, f.kind) for f in report.faults} == {
        ("JPEGImages/BloodImage_00338.jpg", "box-degenerate"),
        ("JPEGImages/BloodImage_00343.jpg", "box-degenerate"),
    }
    far = [s.boxes[:, 2].max() for d in splits for s in d.samples]
    assert np.max(far) == 640 and len(report.faults) == 2
