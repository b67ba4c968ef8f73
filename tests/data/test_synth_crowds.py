from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.box_points import score_points, with_points
from edgecnn.data.check import check, without_degenerate_boxes
from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Dataset
from edgecnn.data.synth.crowds import draw_crowd, write_crowds
from edgecnn.data.synth.heads import POINTS
from edgecnn.vision.anchors import Detections


@pytest.fixture
def crowds(tmp_path: Path) -> Dataset:
    write_crowds(tmp_path / "set", 12, seed=4)
    return open_dataset(str(tmp_path / "set"))


def test_boxes_and_points_come_back_as_they_were_drawn(crowds: Dataset) -> None:
    assert check((crowds,)).faults == ()
    assert (crowds.classes, crowds.points) == (("head",), POINTS)
    for index, sample in enumerate(crowds.samples):
        image, boxes, points = draw_crowd(96, 3, np.random.default_rng((4, index)))
        assert np.array_equal(sample.read(), image)
        assert np.allclose(sample.boxes, boxes, atol=1e-3)
        assert sample.box_points is not None
        assert np.allclose(sample.box_points[..., :2], points, atol=1e-3)
        assert (sample.box_points[..., 2] == 1).all()
        # The outline of a head holds its eyes, nose and mouth.
        inside = (points > boxes[:, None, :2] - 0.5) & (points < boxes[:, None, 2:] - 0.5)
        assert inside.all()


def _found(dataset: Dataset, shift: float) -> list[Detections]:
    found = []
    for sample in dataset.samples:
        assert sample.box_points is not None
        count = len(sample.boxes)
        found.append(Detections(sample.boxes, np.ones(count, np.float32), sample.box_labels,
                                points=sample.box_points[..., :2] + np.float32(shift)))  # fmt: skip
    return found


def test_errors_are_in_sides_of_the_box(crowds: Dataset) -> None:
    sides = [np.sqrt(np.prod(b[2:] - b[:2])) for s in crowds.samples for b in s.boxes]
    score = score_points(_found(crowds, 1.0), crowds)
    assert score is not None and (score.boxes, score.missed) == (len(sides), 0)
    assert score.error == pytest.approx(np.mean(np.sqrt(2) / np.array(sides)), rel=1e-4)


def test_boxes_that_are_not_found_are_counted_and_other_points_not_compared(
    crowds: Dataset,
) -> None:
    found = _found(crowds, 0.0)
    empty = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32),
                       np.zeros(0, np.int64), points=np.zeros((0, 5, 2), np.float32))  # fmt: skip
    first = next(i for i, s in enumerate(crowds.samples) if len(s.boxes))
    found[first] = empty
    score = score_points(found, crowds)
    assert score is not None and score.missed == len(crowds.samples[first].boxes)
    assert score_points(found, with_points(crowds, ("tip",))) is None


def test_a_box_that_is_left_out_takes_its_points_along(crowds: Dataset) -> None:
    sample = next(s for s in crowds.samples if len(s.boxes) > 1)
    sample.boxes[0] = 5
    kept, faults = without_degenerate_boxes(crowds)
    same = next(s for s in kept.samples if s.name == sample.name)
    assert len(faults) == 1 and same.box_points is not None and sample.box_points is not None
    assert np.array_equal(same.box_points, sample.box_points[1:])
