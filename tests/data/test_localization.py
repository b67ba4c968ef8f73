from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.localization import (
    Found,
    grouped_interval,
    score_locations,
    single_objects,
)
from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Sample
from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.errors import DataError

CLASSES = ("cat", "dog")


def _sample(box: tuple[float, ...] | None, label: int = 0, group: str = "") -> Sample:
    boxes = np.zeros((0, 4), np.float32) if box is None else np.array([box], np.float32)
    labels = np.full(len(boxes), label, np.int64)
    return Sample("x.png", _no_picture, boxes=boxes, box_labels=labels, group=group, size=(20, 20))


def _no_picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    raise AssertionError("a score needs no picture")


SAMPLES = (_sample((0, 0, 10, 10)), _sample((0, 0, 10, 10), 1), _sample(None), _sample(None),
           _sample((0, 0, 10, 10)))  # fmt: skip
FOUND = (Found((0, 0, 10, 5), 0), Found((0, 0, 10, 10), 0), None, Found((1, 1, 2, 2), 1), None)


def test_every_answer_earns_what_it_is_worth() -> None:
    score = score_locations(FOUND, SAMPLES, CLASSES)
    assert score.credits == (0.5, 0.0, 1.0, 0.0, 0.0)
    assert score.value == pytest.approx(0.3)
    assert score.counts == {"cat": 2, "dog": 1, "nothing": 2}
    assert score.per_class == {"cat": 0.25, "dog": 0.0, "nothing": 0.5}


def test_the_figures_say_what_is_wrong() -> None:
    iou, presence, classes = score_locations(FOUND, SAMPLES, CLASSES).figures
    assert (iou.name, iou.value, iou.samples) == ("mean_iou", 0.5, 3)
    assert (presence.name, presence.value, presence.samples) == ("wrong_presence", 0.4, 5)
    assert (classes.name, classes.value, classes.samples) == ("class_accuracy", 0.5, 2)
    assert all(f.low <= f.value <= f.high for f in (iou, presence, classes))


def test_a_set_without_objects_has_no_iou() -> None:
    score = score_locations([None], [_sample(None)], CLASSES)
    assert score.value == 1
    assert [f.samples for f in score.figures] == [0, 1, 0]
    with pytest.raises(DataError, match="at least one"):
        score_locations([], [], CLASSES)


def test_pictures_of_one_group_count_as_one() -> None:
    values = [1.0, 0.0] * 40
    apart = grouped_interval(values, [""] * 80)
    together = grouped_interval(values, [str(i // 20 * 2 + i % 2) for i in range(80)])
    assert apart[1] - apart[0] < 0.25
    assert together[1] - together[0] > 0.5


def test_only_pictures_with_one_box_or_none_are_taken(tmp_path: Path) -> None:
    write_boxes(tmp_path / "one", 12, 3, BoxesOptions(most=1))
    write_boxes(tmp_path / "more", 12, 3, BoxesOptions(most=4))
    dataset, faults = single_objects(open_dataset(tmp_path / "one"), strict=True)
    assert len(dataset.samples) == 12 and faults == ()
    with pytest.raises(DataError, match="at most one box per picture"):
        single_objects(open_dataset(tmp_path / "more"), strict=False)


def test_a_faulty_sample_is_left_out_and_named(tmp_path: Path) -> None:
    write_boxes(tmp_path / "one", 12, 3, BoxesOptions(most=1))
    (tmp_path / "one" / "00003.png").write_bytes(b"no picture")
    dataset = open_dataset(tmp_path / "one")
    thin = next(s for s in dataset.samples if len(s.boxes) and s.name != "00003.png")
    flat = replace(thin, boxes=np.array([[3, 3, 3, 9]], np.float32), size=None)
    samples = tuple(flat if s is thin else s for s in dataset.samples)
    found, faults = single_objects(replace(dataset, samples=samples), strict=False)
    assert len(found.samples) == 10
    assert [f.kind for f in faults] == ["box-degenerate", "unreadable"]
    with pytest.raises(DataError, match="2 faulty samples"):
        single_objects(replace(dataset, samples=samples), strict=True)
    unsized = replace(dataset, samples=tuple(replace(s, size=None) for s in found.samples))
    assert all(s.size == (96, 96) for s in single_objects(unsized, True)[0].samples)
