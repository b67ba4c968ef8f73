"""A detector's bundle scored with a backend that answers by heart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.bundle.decode import AnchorsDecode, Decode, Suppression
from edgecnn.bundle.manifest import InputSpec, Manifest
from edgecnn.bundle.read import read_bundle
from edgecnn.data.readers.common import ArrayPicture
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError
from edgecnn.vision.anchors import Detections
from edgecnn.vision.quads import box_quads
from edgecnn_device import Runner
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.evaluate import evaluate_detector
from edgecnn_device.tasks.detect import boxes_of, detections_of

pytest.importorskip("pycocotools")

LABELS = ("bolt", "nut")
RULES = AnchorsDecode(labels=LABELS, strides=(8,), anchors=(((8, 8),),),
                      suppression=Suppression(min_score=0.5, iou=0.3))  # fmt: skip
Cells = dict[tuple[int, int], float]
"""Logit of a cell, row by row, and a class."""


def _answer(cells: Cells) -> FakeBackend:
    """Return the same boxes, one cell each, whatever the picture."""
    scores = np.full((1, 16, 2), -20, np.float32)
    for (cell, label), logit in cells.items():
        scores[0, cell, label] = logit
    return FakeBackend(lambda inputs: (np.zeros((1, 16, 4), np.float32), scores))


@pytest.fixture
def runner(zoo_bundle: Path) -> Callable[..., Runner]:
    """The zoo's manifest, as if it detected in 32 x 32 pixels."""
    spec = InputSpec(width=32, height=32, mean=(0, 0, 0), std=(1, 1, 1))

    def make(cells: Cells, rules: Decode = RULES) -> Runner:
        manifest: Manifest = read_bundle(zoo_bundle).manifest.model_copy(
            update={"task": "detect", "decode": rules, "input": spec}
        )
        return Runner(manifest, manifest.variants[0], _answer(cells))

    return make


@pytest.fixture
def dataset() -> Dataset:
    """Two pictures of 64 x 32: the first cell of the input is (0, 0, 16, 8) of a picture."""
    picture = ArrayPicture(np.zeros((32, 64, 3), np.uint8))
    boxes = np.array(((0, 0, 16, 8), (48, 24, 64, 32)), np.float32)
    full = Sample("0", picture, None, boxes, np.array((0, 1)), size=(64, 32))
    return Dataset("two", LABELS, (full, Sample("1", picture, size=(64, 32))))


def test_scoring_takes_boxes_that_are_not_shown(
    runner: Callable[..., Runner], dataset: Dataset
) -> None:
    unsure = runner({(0, 0): 2.0, (15, 1): -4.0})
    assert [r.decision for r in unsure(dataset.samples[0].read())] == ["bolt"]
    score = evaluate_detector(unsure, dataset)
    # Both are found in both pictures, and the second picture holds neither.
    assert [c.ap50 for c in score.classes] == pytest.approx([1, 1])
    nut = score.classes[1].curve
    assert (nut.precision.tolist(), nut.recall.tolist()) == ([0.5], [1])
    assert nut.at(0.5) is None
    assert score.map50_95 == pytest.approx(1)


def test_the_threshold_of_the_bundle_stays_its_own(
    runner: Callable[..., Runner], dataset: Dataset
) -> None:
    made = runner({(0, 0): 2.0, (15, 1): -4.0})
    evaluate_detector(made, dataset)
    assert made.manifest.decode == RULES
    assert len(made(dataset.samples[0].read())) == 1


@pytest.mark.parametrize("labels", [("nut", "bolt"), ("bolt",)])
def test_other_classes_are_refused(
    runner: Callable[..., Runner], dataset: Dataset, labels: tuple[str, ...]
) -> None:
    other = RULES.model_copy(update={"labels": labels})
    with pytest.raises(DataError, match="has the classes bolt, nut; the bundle"):
        evaluate_detector(runner({}, other), dataset)


def test_a_bundle_of_another_task_is_refused(zoo_bundle: Path, dataset: Dataset) -> None:
    bundle = read_bundle(zoo_bundle)
    reader = Runner(bundle.manifest, bundle.manifest.variants[0], _answer({}))
    with pytest.raises(DataError, match="expected a bundle that detects, got ctc"):
        evaluate_detector(reader, dataset)


@pytest.mark.parametrize("oriented", [False, True])
def test_boxes_and_detections_are_the_same_thing(oriented: bool) -> None:
    boxes = np.array(((1, 2, 30, 40), (5, 6, 7, 8)), np.float32)
    found = Detections(boxes, np.array((0.9, 0.1), np.float32), np.array((1, 0)),
                       box_quads(boxes) if oriented else None)  # fmt: skip
    back = detections_of(boxes_of(found, LABELS), LABELS)
    assert (back.boxes == found.boxes).all() and (back.scores == found.scores).all()
    assert back.classes.tolist() == [1, 0]
    assert (back.quads is not None) == oriented
    assert detections_of((), LABELS).boxes.shape == (0, 4)


def test_points_of_boxes_and_of_detections_are_the_same_thing() -> None:
    points = np.array((((1, 2), (3, 4)), ((5, 6), (7, 8))), np.float32)
    found = Detections(np.ones((2, 4), np.float32), np.ones(2, np.float32), np.array((0, 1)),
                       points=points)  # fmt: skip
    back = detections_of(boxes_of(found, LABELS), LABELS)
    assert back.points is not None and (back.points == points).all() and back.quads is None
