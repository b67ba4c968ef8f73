"""Scores detections as COCO does: mean average precision, by pycocotools.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation code. AP is
the mean precision at 101 recalls, mAP its mean over the classes that have truth; mAP50 takes an
overlap (IoU) of 0.5 for a hit, mAP50-95 is the mean over 0.5, 0.55, ... 0.95. Of each class the
`MAX_FOUND` best detections of a picture count.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression
from edgecnn.data.box_curves import Curve, CurvePoint, curve_of
from edgecnn.data.box_matches import Matches
from edgecnn.data.box_points import PointsScore, score_points
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError, MissingExtraError
from edgecnn.vision.anchors import Detections
from edgecnn.vision.boxes import Boxes, box_areas, to_sides
from edgecnn.vision.quads import Quads

MIN_SCORE = 0.001
"""What a detector gives to be scored: AP needs the unlikely ones too, or recall ends early."""
MAX_FOUND = 100
"""COCO's limit."""
TOP_K = 1000

_FARTHEST = 1e5
"""Pixels: a corner beyond is moved there, since pycocotools counts in 32-bit integers."""

_Annotation = dict[str, object]
"""As COCO's json has it."""


@dataclass(frozen=True, eq=False)
class ClassBoxScore:
    """How well the things of one class were found."""

    name: str
    boxes: int
    """Truth."""
    ap50: float | None
    """0..1; None without truth."""
    ap50_95: float | None
    curve: Curve
    """At IoU 0.5."""
    best: CurvePoint | None
    """Where F1 is highest; None without truth or detections."""


@dataclass(frozen=True, eq=False)
class BoxScore:
    """How well the things in a set were found."""

    map50: float
    """0..1."""
    map50_95: float
    classes: tuple[ClassBoxScore, ...]
    """All that the dataset knows, in its order."""
    matches: Matches
    """At IoU 0.5."""
    oriented: bool
    """Whether corners were compared, not the upright boxes around them."""
    points: PointsScore | None = None
    """Of the boxes that were found; None where there are no points to compare."""


def scoring_rules(rules: Suppression) -> Suppression:
    """Return rules that give a detector's unlikely findings too, as COCO's evaluation wants them.

    Which of two overlapping boxes stays is left as it is.
    """
    changes = {"min_score": MIN_SCORE, "max_found": MAX_FOUND, "top_k": max(TOP_K, rules.top_k)}
    return rules.model_copy(update=changes)


def score_boxes(found: Sequence[Detections], dataset: Dataset) -> BoxScore:
    """Score what was found in each picture.

    A picture without truth counts: what was found there is a false alarm. A class without truth
    has no AP and is left out of the means. Where truth and detections have corners, they are
    compared as polygons, drawn into the picture; else the upright boxes.

    Args:
        found: of each sample, given by `scoring_rules` or the like.
        dataset: the truth; samples have a size where there are corners, see
            `edgecnn.data.pictures.usable_boxes`.

    Raises:
        DataError: no truth at all; a score, box or class that is none, such as NaN.
        MissingExtraError: pycocotools is not installed.
    """
    job = _evaluate(found, dataset)
    with redirect_stdout(io.StringIO()):
        job.accumulate()
    # (IoU, recalls, classes); -1 where a class has no truth.
    precision = job.eval["precision"][..., 0, 0]
    matches = _matches(job, dataset)
    classes = []
    for index, name in enumerate(dataset.classes):
        by_iou = precision[:, :, index].mean(1)
        known, curve = bool(by_iou[0] >= 0), curve_of(matches, index)
        classes.append(ClassBoxScore(
            name, int(matches.truth[:, index].sum()), float(by_iou[0]) if known else None,
            float(by_iou.mean()) if known else None, curve, curve.best(),
        ))  # fmt: skip
    oriented = job.params.iouType == "segm"
    return BoxScore(_mean([c.ap50 for c in classes]), _mean([c.ap50_95 for c in classes]),
                    tuple(classes), matches, oriented, score_points(found, dataset))  # fmt: skip


def match_boxes(found: Sequence[Detections], dataset: Dataset) -> Matches:
    """Match detections with the truth at IoU 0.5 alone, as `score_boxes` does at all ten.

    Args, Raises: as for `score_boxes`.
    """
    return _matches(_evaluate(found, dataset, (0.5,)), dataset)


def _mean(values: Sequence[float | None]) -> float:
    return float(np.mean([v for v in values if v is not None]))


def _evaluate(
    found: Sequence[Detections], dataset: Dataset, overlaps: Sequence[float] | None = None
) -> Any:
    """Return pycocotools' evaluation of each picture and class; without ``overlaps`` at COCO's."""
    try:
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise MissingExtraError("pycocotools", "evaluate") from error
    _require_usable(found, dataset)
    oriented = _oriented(found, dataset.samples)
    truth = [
        (sample.boxes, sample.box_labels, None, sample.quads if oriented else None)
        for sample in dataset.samples
    ]
    given = [(f.boxes, f.classes, f.scores, f.quads if oriented else None) for f in found]
    with redirect_stdout(io.StringIO()):  # pycocotools prints what it does
        job = COCOeval(
            _coco(dataset, truth, oriented), _coco(dataset, given, oriented),
            "segm" if oriented else "bbox",
        )  # fmt: skip
        job.params.maxDets, job.params.areaRng = [MAX_FOUND], [[0, 1e10]]
        if overlaps is not None:
            job.params.iouThrs = np.array(overlaps)
        job.evaluate()
    return job


def _oriented(found: Sequence[Detections], samples: Sequence[Sample]) -> bool:
    return all(s.quads is not None for s in samples if len(s.boxes)) and all(
        f.quads is not None for f in found if len(f.boxes)
    )


_Picture = tuple[Boxes, NDArray[np.int64], NDArray[np.float32] | None, Quads | None]
"""Boxes, classes, scores of detections, corners."""


def _coco(dataset: Dataset, pictures: Sequence[_Picture], oriented: bool) -> Any:
    from pycocotools.coco import COCO

    images, annotations = [], list[_Annotation]()
    for image, (sample, picture) in enumerate(zip(dataset.samples, pictures, strict=True)):
        width, height = _size(sample) if oriented else (0, 0)
        images.append({"id": image, "width": width, "height": height})
        for one in _annotations(*picture):
            # Of ids, 0 stands for no match.
            annotations.append({"id": len(annotations) + 1, "image_id": image, **one})
    coco = COCO()
    categories = [{"id": index, "name": name} for index, name in enumerate(dataset.classes)]
    coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
    coco.createIndex()
    return coco


def _annotations(
    boxes: Boxes, classes: NDArray[np.int64], scores: NDArray[np.float32] | None,
    quads: Quads | None,
) -> list[_Annotation]:  # fmt: skip
    sides, areas = to_sides(boxes), box_areas(boxes)
    made: list[_Annotation] = [
        {"bbox": side, "area": area, "category_id": label, "iscrowd": 0}
        for side, area, label in zip(sides.tolist(), areas.tolist(), classes.tolist(), strict=True)
    ]
    if scores is not None:
        made = [one | {"score": s} for one, s in zip(made, scores.tolist(), strict=True)]
    if quads is not None:
        corners = np.clip(quads.astype(np.float64), -_FARTHEST, _FARTHEST).reshape(-1, 8).tolist()
        made = [one | {"segmentation": [c]} for one, c in zip(made, corners, strict=True)]
    return made


def _size(sample: Sample) -> tuple[int, int]:
    if sample.size is None:
        raise DataError(f"{sample.name}: its size is needed to compare corners: see usable_boxes")
    return sample.size


def _require_usable(found: Sequence[Detections], dataset: Dataset) -> None:
    if len(found) != len(dataset.samples):
        raise DataError(
            f"{dataset.name}: expected detections for each of {len(dataset.samples)} pictures, "
            f"got {len(found)}"
        )
    if not any(len(sample.boxes) for sample in dataset.samples):
        raise DataError(f"{dataset.name}: nothing to score: expected at least one labelled box")
    for sample, one in zip(dataset.samples, found, strict=True):
        known = (one.classes >= 0) & (one.classes < len(dataset.classes))
        numbers = np.isfinite(one.boxes).all(1) & np.isfinite(one.scores) & known
        if one.quads is not None:
            numbers &= np.isfinite(one.quads).all((1, 2))
        if not numbers.all():
            bad = int(np.argmin(numbers))
            raise DataError(
                f"{sample.name}: detection {bad + 1} of class {one.classes[bad]}, score "
                f"{one.scores[bad]:g}, box {one.boxes[bad].tolist()}: expected numbers, and "
                f"classes 0 to {len(dataset.classes) - 1}: the decoder is at fault"
            )


def _matches(job: Any, dataset: Dataset) -> Matches:
    """Collect the matches at the first IoU, 0.5."""
    rows = [e for e in job.evalImgs if e is not None]
    counts = [len(e["dtIds"]) for e in rows]
    pictures = np.repeat(np.array([e["image_id"] for e in rows], np.int64), counts)
    classes = np.repeat(np.array([e["category_id"] for e in rows], np.int64), counts)
    scores = np.array([s for e in rows for s in e["dtScores"]], np.float64)
    hits = np.array([m > 0 for e in rows for m in e["dtMatches"][0]], np.bool_)
    order = np.argsort(-scores, kind="stable")  # as pycocotools sorts
    truth = np.zeros((len(dataset.samples), len(dataset.classes)), np.int64)
    for index, sample in enumerate(dataset.samples):
        truth[index] = np.bincount(sample.box_labels, minlength=len(dataset.classes))
    return Matches(pictures[order], classes[order], scores[order], hits[order], truth)
