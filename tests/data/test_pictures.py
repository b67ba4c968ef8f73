from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import usable_boxes
from edgecnn.data.readers.common import ArrayPicture
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError
from edgecnn.vision.quads import box_quads

Voc = Callable[..., Path]


def test_boxes_are_cut_at_the_edges_of_the_picture_as_it_is(voc: Voc) -> None:
    root = voc("a", ("nut", 3, 3, 99, 9), ("bolt", 40, 2, 50, 9), ("bolt", 5, 5, "inf", 9),
               size=None)  # fmt: skip
    kept, faults = usable_boxes(open_dataset(root), strict=False)
    (sample,) = kept.samples
    assert sample.size == (24, 16)
    assert sample.boxes.tolist() == [[2, 2, 24, 9]]
    assert [kept.classes[i] for i in sample.box_labels] == ["nut"]
    assert [(f.file, f.kind) for f in faults] == [("JPEGImages/a.png", "box-degenerate")] * 2


def test_a_picture_without_boxes_stays_and_a_torn_one_does_not(voc: Voc) -> None:
    voc("a", ("nut", 2, 2, 9, 9))
    voc("b")
    root = voc("c", ("nut", 2, 2, 9, 9))
    (root / "JPEGImages" / "c.png").write_bytes(b"torn")
    kept, faults = usable_boxes(open_dataset(root), strict=False)
    assert [len(s.boxes) for s in kept.samples] == [1, 0]
    assert [f.kind for f in faults] == ["unreadable"]
    with pytest.raises(DataError, match=r"1 faulty samples, the first JPEGImages/c\.png"):
        usable_boxes(open_dataset(root), strict=True)


def test_the_corners_of_a_box_that_is_left_out_go_with_it() -> None:
    boxes = np.array(((1, 1, 1, 9), (2, 2, 9, 9)), np.float32)
    picture = ArrayPicture(np.zeros((10, 10), np.uint8))
    sample = Sample("a", picture, None, boxes, np.zeros(2, np.int64), box_quads(boxes))
    (kept,) = usable_boxes(Dataset("made", ("nut",), (sample,)), strict=False)[0].samples
    assert kept.quads is not None
    assert kept.quads.tolist() == box_quads(boxes[1:]).tolist()


def test_a_set_without_any_box_is_refused(voc: Voc) -> None:
    voc("a", ("nut", 2, 2, 9, 9), split="train")
    with pytest.raises(DataError, match="expected pictures with boxes, got none"):
        usable_boxes(open_dataset(f"{voc('b', split='test')}:test"), strict=False)
