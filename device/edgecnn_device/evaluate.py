"""Scores a bundle on labelled data with the runtime of this machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecnn.bundle.decode import AnchorsDecode, BoxDecode, LabelsDecode, WindowsDecode
from edgecnn.data.box_points import with_points
from edgecnn.data.box_scoring import BoxScore, score_boxes, scoring_rules
from edgecnn.data.localization import Found, LocalizationScore, score_locations
from edgecnn.data.pictures import labels_of
from edgecnn.data.samples import Dataset, LineSample
from edgecnn.data.scoring import ClassScore, ReadScore, score_labels, score_readings
from edgecnn.errors import DataError
from edgecnn_device.runner import Runner
from edgecnn_device.tasks.classify import Label
from edgecnn_device.tasks.detect import Box, detections_of
from edgecnn_device.tasks.read import serial_of


def evaluate_reader(runner: Runner, samples: Sequence[LineSample]) -> ReadScore:
    """Score a bundle of the `read` task on lines."""
    return score_readings([serial_of(runner(s.image)) for s in samples], samples)


def evaluate_classifier(runner: Runner, dataset: Dataset) -> ClassScore:
    """Score a bundle of the `classify` task on pictures that can all be read.

    Raises:
        DataError: the bundle is of another task, or knows other classes.
    """
    rules = runner.manifest.decode
    _require_classes(runner, rules.labels if isinstance(rules, LabelsDecode) else (), dataset)
    found = [
        next(r.index for r in runner(s.read()) if isinstance(r, Label)) for s in dataset.samples
    ]
    return score_labels(np.array(found, np.int64), labels_of(dataset), dataset.classes)


def evaluate_detector(runner: Runner, dataset: Dataset) -> BoxScore:
    """Score a bundle of the `detect` task on what `usable_boxes` gives.

    The bundle's own threshold is for showing: to be scored, the detector gives its `MAX_FOUND` best
    boxes of a picture down to a score of `MIN_SCORE`, see `scoring_rules`.

    Raises:
        DataError: the bundle is of another task, or knows other classes.
        MissingExtraError: pycocotools is not installed.
    """
    rules = runner.manifest.decode
    if not isinstance(rules, AnchorsDecode | WindowsDecode):
        raise DataError(f"{runner.manifest.name}: expected a bundle that detects, got {rules.kind}")
    background = rules.background if isinstance(rules, WindowsDecode) else ()
    things = tuple(label for label in rules.labels if label not in background)
    _require_classes(runner, things, dataset)
    changed = {"suppression": scoring_rules(rules.suppression)}
    generous = runner.with_decode(rules.model_copy(update=changed))
    found = [
        detections_of([r for r in generous(s.read()) if isinstance(r, Box)], things)
        for s in dataset.samples
    ]
    names = rules.points if isinstance(rules, AnchorsDecode) else ()
    return score_boxes(found, with_points(dataset, names))


def evaluate_localizer(runner: Runner, dataset: Dataset) -> LocalizationScore:
    """Score a bundle of the `localize` task on pictures with one box or none.

    Raises:
        DataError: the bundle is of another task, or knows other classes.
    """
    rules = runner.manifest.decode
    _require_classes(runner, rules.labels if isinstance(rules, BoxDecode) else (), dataset)
    found = []
    for sample in dataset.samples:
        box = next((r for r in runner(sample.read()) if isinstance(r, Box)), None)
        found.append(None if box is None else Found(box.box, box.index))
    return score_locations(found, dataset.samples, dataset.classes)


def _require_classes(runner: Runner, known: tuple[str, ...], dataset: Dataset) -> None:
    if known != dataset.classes:
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.classes)}; the bundle "
            f"{runner.manifest.name} knows {', '.join(known) or 'none'}"
        )
