from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.open import open_dataset
from edgecnn.data.readers import table as reader
from edgecnn.errors import DataError

Table = Callable[..., Path]
BOXES = "file,label,x1,y1,x2,y2"


def test_labels_groups_and_splits(table: Table) -> None:
    rows = [("a.png", "oak", "train", "t1"), ("b.png", "elm", "train", "t2"),
            ("c.png", "oak", "test", "t3")]  # fmt: skip
    root = table("file,label,split,group", *rows)
    train, test = reader.load(root, reader.splits(root))
    assert train.classes == test.classes == ("elm", "oak")
    assert [(s.name, s.label, s.group) for s in train.samples] == [
        ("a.png", 1, "t1"), ("b.png", 0, "t2"),
    ]  # fmt: skip
    assert test.samples[0].read().shape == (16, 24, 3)


def test_rows_of_one_file_are_its_boxes(table: Table) -> None:
    rows = [("a.png", "nut", 1, 2, 3, 4), ("b.png", "bolt", 0, 0, 24, 16),
            ("a.png", "bolt", 5, 6, 7.5, 8), ("c.png", "", "", "", "", "")]  # fmt: skip
    dataset = open_dataset(table(BOXES, *rows))
    a, b, c = dataset.samples
    assert np.array_equal(a.boxes, np.array([[1, 2, 3, 4], [5, 6, 7.5, 8]], np.float32))
    assert a.box_labels.tolist() == [1, 0] and a.label is None
    assert b.boxes.shape == (1, 4) and c.boxes.shape == (0, 4) and c.label is None


def test_with_a_whole_picture_label_among_boxes(table: Table) -> None:
    dataset = open_dataset(table(BOXES, ("a.png", "nut", "", "", "", "")))
    assert dataset.samples[0].label == 0


@pytest.mark.parametrize(
    ("columns", "row", "words"),
    [
        ("file,label", ("a.png",), "cut short: no label: expected file,label"),
        ("file,label", ("a.png", "x", "y"), "expected 2 fields: file,label"),
        ("file,label", ("", "x"), "no file: expected the name of a picture"),
        ("file,label", ("a.png", ""), "no label: expected the class"),
        (BOXES, ("a.png", "x", 1, 2, 3, "far"), "expected four numbers x1,y1,x2,y2, got 1,2,3,far"),
        (BOXES, ("a.png", "x", 1, 2, 3, ""), "expected four numbers"),
        (BOXES, ("a.png", "", 1, 2, 3, 4), "a box without a label"),
    ],
)
def test_a_bad_row_is_a_fault_and_the_rest_is_read(
    table: Table, columns: str, row: Sequence[object], words: str
) -> None:
    good = ("good.png", "x", 1, 2, 3, 4) if columns == BOXES else ("good.png", "x")
    dataset = open_dataset(table(columns, good, row))
    (fault,) = dataset.faults
    assert (fault.file, fault.kind) == ("labels.csv:3", "bad-label")
    assert words in fault.detail and len(dataset.samples) == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("file,kind", "expected the columns file,label and, for boxes, x1,y1,x2,y2; got file,kind"),
        ("file,label,x1,y1", "for boxes, x1,y1,x2,y2; got file,label,x1,y1"),
        ("file,label", "no sample in it: expected at least one"),
    ],
)
def test_a_table_that_cannot_be_used(table: Table, columns: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_dataset(table(columns))


def test_a_table_that_is_no_text(table: Table) -> None:
    root = table("file,label", ("a.png", "x"))
    (root / "labels.csv").write_bytes(b"\xff\xfe\x00file")
    with pytest.raises(DataError, match=r"labels\.csv: expected a table of labels"):
        open_dataset(root)


def test_a_label_that_is_no_class_is_a_fault(table: Table) -> None:
    root = table("file,label", ("a.png", "oak"), ("b.png", "elm"))
    (dataset,) = reader.load(root, ("",), ("oak", "ash"))
    (fault,) = dataset.faults
    assert (fault.file, fault.kind) == ("labels.csv:3: b.png", "unknown-class")
    assert fault.detail == "'elm': expected one of oak, ash"


def test_bad_rows_of_a_divided_table_are_told_once(table: Table) -> None:
    rows = [("a.png", "x", "train"), ("b.png", "x", "test"), ("c.png",)]
    train, test = reader.load(table("file,label,split", *rows), ("train", "test"))
    assert (len(train.faults), len(test.faults)) == (1, 0)
