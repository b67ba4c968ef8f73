"""What every user of labelled pictures needs: those that can be used, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.check import readable, without_degenerate_boxes
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError
from edgecnn.vision.boxes import clip_boxes


def usable(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return the samples that can be read and have a label, and the faults of the others.

    Raises:
        DataError: with ``strict``, any fault; or nothing is left.
    """
    found, unreadable = readable(dataset)
    faults = (*dataset.faults, *unreadable)
    _refuse(dataset, faults, strict)
    if not found.samples or any(s.label is None for s in found.samples):
        raise DataError(f"{dataset.name}: expected pictures with one label each, got none")
    return found, faults


def usable_boxes(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return the pictures that can be read, with their boxes cut at their edges, and the faults.

    What is left of no area is a fault and left out. A picture without boxes stays: there is nothing
    in it. Each sample has the size that its picture has.

    Raises:
        DataError: with ``strict``, any fault; or no box is left.
    """
    found, unreadable = readable(dataset)
    inside = replace(found, samples=tuple(map(_cut, found.samples)))
    kept, degenerate = without_degenerate_boxes(inside)
    faults = (*dataset.faults, *unreadable, *degenerate)
    _refuse(dataset, faults, strict)
    if not any(len(s.boxes) for s in kept.samples):
        raise DataError(f"{dataset.name}: expected pictures with boxes, got none")
    return kept, faults


def _cut(sample: Sample) -> Sample:
    assert sample.size is not None
    # Infinity would be cut to the edge, and pass for a box.
    finite = np.isfinite(sample.boxes).all(1, keepdims=True)
    boxes = np.where(finite, clip_boxes(sample.boxes, sample.size), np.float32("nan"))
    return replace(sample, boxes=boxes)


def _refuse(dataset: Dataset, faults: Sequence[Fault], strict: bool) -> None:
    if faults and strict:
        raise DataError(
            f"{dataset.name}: {len(faults)} faulty samples, the first {faults[0].file}: "
            f"{faults[0].detail}: repair them, or leave out --strict"
        )


def labels_of(dataset: Dataset) -> NDArray[np.int64]:
    """Return the class index of every sample, (N,); -1 where it has none."""
    return np.array([s.label if s.label is not None else -1 for s in dataset.samples], np.int64)
