from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.errors import DataError

Coco = Callable[..., Path]


def test_boxes_classes_and_landmarks(coco: Coco) -> None:
    dataset = open_dataset(coco())
    a, b = dataset.samples
    assert dataset.classes == ("bolt", "nut")
    assert (a.name, b.name) == ("images/a.png", "images/b.png")
    assert a.boxes.tolist() == [[1, 2, 4, 6]] and a.box_labels.tolist() == [1]
    assert b.boxes.tolist() == [[0, 0, 24, 16], [5, 5, 7.5, 7.5]]
    assert a.landmarks.tolist() == [[1, 2, 1], [3, 4, 1], [0, 0, 0]]
    assert b.landmarks.shape == (0, 3) and a.size == (24, 16)
    assert check([dataset]).faults == ()


@pytest.mark.parametrize("pictures", ["images", "images/train", "train", "annotations", "."])
def test_pictures_are_found_where_they_usually_are(coco: Coco, pictures: str) -> None:
    assert open_dataset(coco(pictures=pictures)).samples[0].read().shape == (16, 24, 3)


def test_splits_by_file_name(coco: Coco) -> None:
    coco("annotations/instances_val2017.json", "val2017", first=5)
    root = coco("annotations/instances_train2017.json", "train2017")
    (root / "annotations" / "captions_train2017.json").write_text("{}")
    train, val = open_splits(root)
    assert (train.name, val.name) == (f"{root}:train2017", f"{root}:val2017")
    assert check([train, val]).faults == ()


def test_splits_by_folder(coco: Coco) -> None:
    coco("train/_annotations.coco.json", "train")
    root = coco("valid/_annotations.coco.json", "valid", first=5)
    names = [s.name for d in open_splits(root) for s in d.samples]
    assert names == ["train/a.png", "train/b.png", "valid/a.png", "valid/b.png"]


def test_the_json_itself_or_any_name_will_do(coco: Coco) -> None:
    root = coco("labels.json", ".")
    assert len(open_dataset(root / "labels.json").samples) == 2
    (root / "readme.json").write_text("[1]")
    assert len(open_dataset(root).samples) == 2


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_missing_key_is_named(coco: Coco, key: str) -> None:
    root = coco(**{key: None})
    with pytest.raises(DataError, match=f"instances_train.json: {key}: expected a list, got noth"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "expected a COCO json: Expecting"), ("[]", "a COCO json, an object; got list"),
     ("[" * 100_000, "expected a COCO json")],
)  # fmt: skip
def test_no_json_at_all(coco: Coco, text: str, words: str) -> None:
    root = coco()
    (root / "annotations" / "instances_train.json").write_text(text)
    with pytest.raises(DataError, match=words):
        open_dataset(root)


@pytest.mark.parametrize(
    ("annotation", "kind", "words"),
    [
        ({"image_id": 7, "category_id": 5}, "bad-label", "annotations[0].bbox: Field required"),
        ({"image_id": 7, "category_id": 5, "bbox": [1, 2, 3]}, "bad-label", "annotations[0].bbox"),
        ({"image_id": 7, "category_id": 5, "bbox": [1, 2, 3, "w"]}, "bad-label", "bbox.3: Input"),
        ("text", "bad-label", "annotations[0]: Input should be"),
        ({"image_id": 8, "category_id": 5, "bbox": [1, 2, 3, 4]}, "bad-label", "image_id 8: no"),
        ({"image_id": 7, "category_id": 6, "bbox": [1, 2, 3, 4]}, "unknown-class",
         "'category_id 6': expected one of bolt, nut"),
    ],
)  # fmt: skip
def test_a_bad_annotation_is_a_fault_and_the_rest_is_read(
    coco: Coco, annotation: Any, kind: str, words: str
) -> None:
    good = {"image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4]}
    dataset = open_dataset(coco(annotations=[annotation, good]))
    (fault,) = dataset.faults
    assert fault.kind == kind and words in fault.detail
    assert fault.file.startswith("annotations/instances_train.json")
    assert [len(s.boxes) for s in dataset.samples] == [1, 0]


def test_splits_must_agree_on_the_categories(coco: Coco) -> None:
    coco("annotations/instances_val.json", categories=[{"id": 5, "name": "bolt"}])
    with pytest.raises(DataError, match=r"val\.json: categories: expected bolt, nut, as in train"):
        open_splits(coco())


def test_numbers_beyond_all_pictures_are_left_to_the_check(coco: Coco) -> None:
    wild = [{"image_id": 7, "category_id": 5, "bbox": [1, 2, 1e300, 4]},
            {"image_id": 3, "category_id": 5, "bbox": [float("nan"), 2, 3, 4]}]  # fmt: skip
    dataset = open_dataset(coco(annotations=wild))
    assert np.isinf(dataset.samples[0].boxes[0, 2])
    assert [f.kind for f in check([dataset]).faults] == ["box-outside", "box-degenerate"]


SQUARE = [1, 2, 4, 2, 4, 6, 1, 6]


@pytest.mark.parametrize(
    ("corners", "first"),
    [(SQUARE, [1, 2]), ([1, 2, 1, 6, 4, 6, 4, 2], [1, 2]), ([4, 6, 1, 6, 1, 2, 4, 2], [4, 6])],
)  # fmt: skip
def test_four_corners_become_a_quad(coco: Coco, corners: list[float], first: list[float]) -> None:
    boxes = {"category_id": 5, "bbox": [1, 2, 3, 4], "segmentation": [corners]}
    a, b = open_dataset(coco(annotations=[{"image_id": 7, **boxes}])).samples
    assert a.quads is not None and a.quads[0, 0].tolist() == first
    assert b.quads is not None and b.quads.shape == (0, 4, 2)
    across, down = a.quads[0, 1] - a.quads[0, 0], a.quads[0, 3] - a.quads[0, 0]
    assert across[0] * down[1] - across[1] * down[0] == 12  # clockwise, y down


@pytest.mark.parametrize("other", [None, [], [SQUARE, SQUARE], [[*SQUARE, 1, 4]], {"counts": "x"}])
def test_quads_are_for_sets_where_every_object_has_one(coco: Coco, other: object) -> None:
    box = {"image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4]}
    found = [{**box, "segmentation": [SQUARE]}, {**box, "segmentation": other}]
    dataset = open_dataset(coco(annotations=found))
    assert dataset.faults == ()
    assert all(s.quads is None for s in dataset.samples)
