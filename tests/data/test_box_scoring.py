"""COCO's scoring against a slow reference by hand, and what it does with odd input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.bundle.decode import Suppression
from edgecnn.data.box_plot import draw_curves
from edgecnn.data.box_scoring import MAX_FOUND, match_boxes, score_boxes, scoring_rules
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import usable_boxes
from edgecnn.data.readers.common import ArrayPicture
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError, MissingExtraError
from edgecnn.vision.anchors import Detections
from edgecnn.vision.quads import hulls, quad_iou_matrix, to_quads

pytest.importorskip("pycocotools")

CLASSES = ("bolt", "nut", "ring")
SIDE = 100
Row = Sequence[float]
"""A class, then x1, y1, x2, y2; a detection's score comes after its class."""


def _dataset(*pictures: Sequence[Row]) -> Dataset:
    blank = ArrayPicture(np.zeros((SIDE, SIDE, 3), np.uint8))
    samples = []
    for index, rows in enumerate(pictures):
        table = np.array(rows, np.float32).reshape(-1, 5)
        boxes, labels = table[:, 1:], table[:, 0].astype(np.int64)
        samples.append(Sample(f"{index}.png", blank, boxes=boxes, box_labels=labels,
                              size=(SIDE, SIDE)))  # fmt: skip
    return Dataset("made", CLASSES, tuple(samples))


def _found(*pictures: Sequence[Row]) -> list[Detections]:
    tables = [np.array(rows, np.float32).reshape(-1, 6) for rows in pictures]
    return [Detections(t[:, 2:], t[:, 1], t[:, 0].astype(np.int64)) for t in tables]


def _random(seed: int, pictures: int = 6) -> tuple[list[Detections], Dataset]:
    """Boxes of classes 0 and 1; detections are shifted copies and noise of all classes."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(pictures):
        corners = rng.uniform(0, 70, (rng.integers(0, 6), 2))
        boxes = np.hstack((corners, corners + rng.uniform(8, 30, corners.shape)))
        labels = rng.integers(0, 2, len(boxes))
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 3, (2 * len(boxes), 4))
        noise = np.tile((10.0, 20, 40, 60), (3, 1)) + rng.uniform(0, 9, (3, 4))
        classes = np.concatenate((np.repeat(labels, 2), rng.integers(0, 3, 3)))
        scores = rng.random(len(classes))
        truth.append(np.column_stack((labels, boxes)).tolist())
        found.append(np.column_stack((classes, scores, np.vstack((near, noise)))).tolist())
    return _found(*found), _dataset(*truth)


def _iou(a: Row, b: Row) -> float:
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    if min(width, height) <= 0:
        return 0.0
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    return width * height / (sum(areas) - width * height)


def _slow_ap(found: Sequence[Detections], dataset: Dataset, label: int, least: float) -> float:
    """Average precision of a class, straight from its definition."""
    left = [s.boxes[s.box_labels == label].tolist() for s in dataset.samples]
    total = sum(map(len, left))
    given = [
        (-score, picture, box)
        for picture, one in enumerate(found)
        for score, box, k in zip(one.scores.tolist(), one.boxes.tolist(), one.classes, strict=True)
        if k == label
    ]
    points, hits = [], 0
    for count, (_, picture, box) in enumerate(sorted(given), 1):
        best = max(left[picture], key=lambda truth: _iou(truth, box), default=None)
        if best is not None and _iou(best, box) >= least:
            left[picture].remove(best)
            hits += 1
        points.append((hits / total, hits / count))
    at = [
        max((p for r, p in points if r >= recall), default=0) for recall in np.linspace(0, 1, 101)
    ]
    return float(np.mean(at))


@pytest.mark.parametrize("seed", range(8))
def test_the_score_is_that_of_the_definition(seed: int) -> None:
    found, dataset = _random(seed)
    score = score_boxes(found, dataset)
    overlaps = np.arange(0.5, 1, 0.05)
    slow = [[_slow_ap(found, dataset, label, t) for t in overlaps] for label in (0, 1)]
    assert [c.ap50 for c in score.classes[:2]] == pytest.approx([s[0] for s in slow], abs=1e-9)
    assert score.map50_95 == pytest.approx(np.mean(slow), abs=1e-9)
    assert 0 < score.map50_95 < score.map50 < 1


@pytest.mark.parametrize("seed", range(8))
def test_map50_computed_again_is_that_of_pycocotools(seed: int) -> None:
    found, dataset = _random(seed)
    score = score_boxes(found, dataset)
    assert score.matches.map50() == pytest.approx(score.map50, abs=1e-6)
    assert match_boxes(found, dataset).map50() == pytest.approx(score.map50, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_map50_of_some_pictures_is_that_of_pycocotools(seed: int) -> None:
    found, dataset = _random(seed, 10)
    matches = score_boxes(found, dataset).matches
    drawn = np.random.default_rng(seed).integers(0, 10, 10)
    some = replace(dataset, samples=tuple(dataset.samples[i] for i in np.sort(drawn)))
    wanted = score_boxes([found[i] for i in np.sort(drawn)], some).map50
    assert matches.map50_of(drawn) == pytest.approx(wanted, abs=1e-6)


def test_perfect_nothing_and_half() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30)], [(0, 40, 40, 80, 80)])
    right = _found([(0, 0.9, 10, 10, 30, 30)], [(0, 0.8, 40, 40, 80, 80)])
    assert score_boxes(right, dataset).map50_95 == pytest.approx(1)
    assert score_boxes(_found([], []), dataset).map50 == 0
    # One of two: precision 1 up to a recall of 0.5, which is 51 of the 101 recalls.
    assert score_boxes([right[0], *_found([])], dataset).map50 == pytest.approx(51 / 101)


def test_a_false_alarm_in_an_empty_picture_counts() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30)], [])
    hit = (0, 0.5, 10, 10, 30, 30)
    assert score_boxes(_found([hit], []), dataset).map50 == pytest.approx(1)
    alarm = score_boxes(_found([hit], [(0, 0.9, 0, 0, 20, 20)]), dataset)
    assert alarm.map50 == pytest.approx(0.5)
    assert alarm.matches.pictures.tolist() == [1, 0]
    assert alarm.matches.hits.tolist() == [False, True]


def test_a_second_box_on_the_same_thing_is_a_false_alarm() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30), (0, 60, 60, 90, 90)])
    found = _found([(0, 0.9, 10, 10, 30, 30), (0, 0.8, 11, 11, 30, 30), (0, 0.7, 60, 60, 90, 90)])
    assert score_boxes(found, dataset).matches.hits.tolist() == [True, False, True]


def test_a_class_without_truth_has_no_ap_and_is_no_part_of_the_mean() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30)])
    found = _found([(0, 0.9, 10, 10, 30, 30), (2, 0.9, 50, 50, 80, 80)])
    score = score_boxes(found, dataset)
    assert (score.map50, score.matches.map50()) == pytest.approx((1, 1))
    assert [(c.name, c.boxes, c.ap50 is None) for c in score.classes] == [
        ("bolt", 1, False), ("nut", 0, True), ("ring", 0, True)]  # fmt: skip
    assert score.classes[2].best is None


def test_of_a_class_the_best_hundred_of_a_picture_count() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30)])
    noise = [(0, 0.5 + i / 1000, 50, 50, 80, 80) for i in range(MAX_FOUND)]
    score = score_boxes(_found([*noise, (0, 0.4, 10, 10, 30, 30)]), dataset)
    assert len(score.matches.scores) == MAX_FOUND
    assert score.map50 == 0


def test_the_point_of_the_best_f1() -> None:
    dataset = _dataset([(0, 10, 10, 30, 30), (0, 60, 60, 90, 90)])
    found = _found([(0, 0.9, 10, 10, 30, 30), (0, 0.8, 60, 60, 90, 90), (0, 0.3, 0, 60, 9, 90)])
    best = score_boxes(found, dataset).classes[0].best
    assert best is not None
    assert (best.score, best.precision, best.recall) == pytest.approx((0.8, 1, 1))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((0, np.nan, 1, 1, 9, 9), "score nan"),
        ((0, 0.5, 1, np.inf, 9, 9), "inf"),
        ((3, 0.5, 1, 1, 9, 9), "class 3"),
        ((-1, 0.5, 1, 1, 9, 9), "class -1"),
    ],
)
def test_what_is_no_detection_is_refused(row: Row, says: str) -> None:
    with pytest.raises(DataError, match=rf"0\.png: detection 2 .*{says}.*decoder"):
        score_boxes(_found([(0, 0.5, 1, 1, 9, 9), row]), _dataset([(0, 10, 10, 30, 30)]))


def test_no_truth_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="at least one labelled box"):
        score_boxes(_found([(0, 0.5, 1, 1, 9, 9)]), _dataset([]))
    with pytest.raises(DataError, match="each of 1 pictures, got 2"):
        score_boxes(_found([], []), _dataset([(0, 10, 10, 30, 30)]))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    score_boxes(*_random(0))
    assert capfd.readouterr() == ("", "")


def test_a_missing_pycocotools_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edgecnn\[evaluate\]'"):
        score_boxes(*_random(0))


def _turned(angles: Sequence[float]) -> tuple[Sample, Detections]:
    """A long box per angle; the detections lie level."""
    one = np.array([(30 + 40 * i, 50, 36, 8, a) for i, a in enumerate(angles)], np.float32)
    quads, level = to_quads(one), to_quads(one * np.array((1, 1, 1, 1, 0), np.float32))
    zeros = np.zeros(len(one), np.int64)
    sample = Sample("0.png", ArrayPicture(np.zeros((SIDE, SIDE), np.uint8)), None, hulls(quads),
                    zeros, quads, size=(SIDE, SIDE))  # fmt: skip
    scores = np.linspace(0.9, 0.8, len(one), dtype=np.float32)
    return sample, Detections(hulls(level), scores, zeros, level)


@pytest.mark.parametrize("angle", [0.0, 0.05, 0.3, 1.5])
def test_oriented_boxes_are_compared_by_their_corners(angle: float) -> None:
    sample, found = _turned([angle])
    assert sample.quads is not None and found.quads is not None
    overlap = float(quad_iou_matrix(sample.quads, found.quads)[0, 0])
    score = score_boxes([found], Dataset("turned", CLASSES, (sample,)))
    assert score.oriented
    assert score.map50 == pytest.approx(float(overlap >= 0.5))
    # Pixels are counted, so the overlap is that of the corners within a few hundredths.
    assert score.map50_95 == pytest.approx(np.mean(np.arange(0.5, 1, 0.05) <= overlap), abs=0.1)


def test_corners_far_outside_and_no_corners() -> None:
    sample, found = _turned([0.0])
    assert found.quads is not None
    dataset = Dataset("turned", CLASSES, (sample,))
    assert score_boxes([replace(found, quads=found.quads + 1e12)], dataset).map50 == 0
    upright = score_boxes([replace(found, quads=None)], dataset)
    assert not upright.oriented
    assert upright.map50 == pytest.approx(1)
    with pytest.raises(DataError, match=r"0\.png: its size is needed"):
        score_boxes([found], replace(dataset, samples=(replace(sample, size=None),)))


def test_rules_for_scoring_give_the_unlikely_too() -> None:
    rules = scoring_rules(Suppression(min_score=0.4, iou=0.3, top_k=50, across=True))
    assert (rules.min_score, rules.max_found, rules.top_k) == (0.001, 100, 1000)
    assert (rules.iou, rules.across, rules.soft) == (0.3, True, False)


def test_the_plot_is_a_png_that_shows_the_threshold() -> None:
    found, dataset = _random(0)
    score = score_boxes(found, dataset)
    plain, other = (draw_curves(score, least, "made") for least in (0.2, 0.6))
    assert plain.startswith(b"\x89PNG")
    assert plain != other


def test_cells_found_with_noise_score_what_the_noise_allows(real_data: Path) -> None:
    """Blood cells: the truth with four fifths kept and a little moved, among false alarms."""
    if not (real_data / "bccd").is_dir():
        pytest.skip(f"no blood cells in {real_data}")
    dataset, faults = usable_boxes(open_dataset(real_data / "bccd:test"), strict=False)
    rng, found = np.random.default_rng(0), []
    for sample in dataset.samples:
        keep = rng.random(len(sample.boxes)) < 0.8
        near = sample.boxes[keep] + rng.normal(0, 2, (keep.sum(), 4)).astype(np.float32)
        scores = rng.uniform(0.5, 1, len(near)).astype(np.float32)
        found.append(Detections(near, scores, sample.box_labels[keep]))
    score = score_boxes(found, dataset)
    assert (len(dataset.samples), faults) == (72, ())
    assert sum(c.boxes for c in score.classes) == 945
    assert 0.7 < score.map50 < 0.85
    assert score.matches.map50() == pytest.approx(score.map50, abs=1e-6)
