"""Pictures with one object or none: what is usable of a set, and how well it was localized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.check import box_faults, readable
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError
from edgecnn.vision.boxes import Boxes, iou_matrix
from edgecnn.vision.placement import size_of

NOTHING = "nothing"
_ANY = 1 << 30
"""Pixels: a side of a picture that is not known."""


@dataclass(frozen=True)
class Found:
    """What was said to be in a picture."""

    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the picture."""
    label: int


def single_objects(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return the samples that can be read and hold a box with an area or none, and the faults.

    Every sample that is returned has its size.

    Raises:
        DataError: a picture has several boxes; with ``strict``, any fault; nothing is left.
    """
    several = next((s for s in dataset.samples if len(s.boxes) > 1), None)
    if several is not None:
        raise DataError(
            f"{several.name}: expected at most one box per picture, got {len(several.boxes)}: "
            "use the task detect, or cut windows (crops in the yaml of the set)"
        )
    bad = {s.name: f.detail for s in dataset.samples for f in box_faults(s, _ANY, _ANY)}
    faults = (*dataset.faults, *(Fault(n, "box-degenerate", d) for n, d in bad.items()))
    left = replace(dataset, samples=tuple(s for s in dataset.samples if s.name not in bad))
    found, unreadable = readable(left)
    faults += unreadable
    if faults and strict:
        raise DataError(
            f"{dataset.name}: {len(faults)} faulty samples, the first {faults[0].file}: "
            f"{faults[0].detail}: repair them, or leave out --strict"
        )
    if not any(len(s.boxes) for s in found.samples):
        raise DataError(f"{dataset.name}: expected pictures with a box, got none")
    sized = (s if s.size else replace(s, size=size_of(s.read())) for s in found.samples)
    return replace(found, samples=tuple(sized)), faults


def found_of(boxes: Boxes, labels: NDArray[np.int64]) -> Found | None:
    """Return the one detection of a picture; None where there is none."""
    if not len(boxes):
        return None
    x1, y1, x2, y2 = map(float, boxes[0])
    return Found((x1, y1, x2, y2), int(labels[0]))


@dataclass(frozen=True)
class Graded:
    """What is true of one picture, and what was said of it."""

    label: int | None
    """Class of the object; None where there is nothing."""
    found: int | None
    """The class that was given; None where nothing was found."""
    iou: float
    """0 where there is nothing, or nothing was found."""
    group: str

    @property
    def wrong_presence(self) -> bool:
        """Whether an object was missed, or found where there is nothing."""
        return (self.label is None) != (self.found is None)

    @property
    def credit(self) -> float:
        """IoU where the class is right, 1 where rightly nothing was found, else 0."""
        if self.label is None:
            return float(self.found is None)
        return self.iou if self.found == self.label else 0.0


@dataclass(frozen=True)
class Figure:
    """A mean over some pictures of a set."""

    name: str
    value: float
    samples: int
    low: float
    """Of the 95 % interval by `grouped_interval`."""
    high: float


@dataclass(frozen=True)
class LocalizationScore:
    """How well objects were found."""

    graded: tuple[Graded, ...]
    """Per picture."""
    classes: tuple[str, ...]

    @property
    def credits(self) -> tuple[float, ...]:
        """What each picture earns, 0..1."""
        return tuple(g.credit for g in self.graded)

    @property
    def value(self) -> float:
        """Mean of the credits."""
        return float(np.mean(self.credits))

    @property
    def per_class(self) -> dict[str, float]:
        """Mean credit of the pictures of each class that occurs; `NOTHING`: of those without."""
        return {name: float(np.mean([g.credit for g in part])) for name, part in self._parts()}

    @property
    def counts(self) -> dict[str, int]:
        """Pictures of each of these."""
        return {name: len(part) for name, part in self._parts()}

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The parts of the value.

        mean_iou: of pictures with an object, whatever its class, 0 where it was missed;
        wrong_presence: of all; class_accuracy: of the objects that were found.
        """
        filled = [g for g in self.graded if g.label is not None]
        seen = [g for g in filled if g.found is not None]
        return (
            _figure("mean_iou", filled, [g.iou for g in filled]),
            _figure("wrong_presence", self.graded, [g.wrong_presence for g in self.graded]),
            _figure("class_accuracy", seen, [g.found == g.label for g in seen]),
        )

    def _parts(self) -> list[tuple[str, list[Graded]]]:
        names = [(i, name) for i, name in enumerate(self.classes)]
        parts = [(name, [g for g in self.graded if g.label == i])
                 for i, name in (*names, (None, NOTHING))]  # fmt: skip
        return [(name, part) for name, part in parts if part]


def score_locations(
    found: Sequence[Found | None], samples: Sequence[Sample], classes: Sequence[str]
) -> LocalizationScore:
    """Score one answer per picture, each with one box or none.

    Raises:
        DataError: there is no sample.
    """
    if not samples:
        raise DataError("nothing to score: expected at least one sample")
    graded = [_grade(f, s) for f, s in zip(found, samples, strict=True)]
    return LocalizationScore(tuple(graded), tuple(classes))


def _grade(found: Found | None, sample: Sample) -> Graded:
    label = int(sample.box_labels[0]) if len(sample.boxes) else None
    iou = 0.0
    if found is not None and label is not None:
        iou = float(iou_matrix(np.array([found.box], np.float32), sample.boxes)[0, 0])
    return Graded(label, None if found is None else found.label, iou, sample.group)


def _figure(name: str, graded: Sequence[Graded], values: Sequence[float]) -> Figure:
    if not graded:
        return Figure(name, 0.0, 0, 0.0, 1.0)
    low, high = grouped_interval(values, [g.group for g in graded])
    return Figure(name, float(np.mean(values)), len(values), low, high)


def grouped_interval(
    values: Sequence[float], groups: Sequence[str], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a mean whose samples come in groups, by bootstrap over groups.

    Windows of one picture are alike: to draw them singly would make the interval too narrow.

    Args:
        values: per sample.
        groups: of each sample; an empty name is a group of its own.
        seed: of the 2000 draws.
    """
    names = [g or f"#{i}" for i, g in enumerate(groups)]
    _, place = np.unique(names, return_inverse=True)
    sums = np.bincount(place, np.asarray(values, np.float64))
    sizes = np.bincount(place)
    draws = np.random.default_rng(seed).integers(0, len(sums), (2000, len(sums)))
    means = sums[draws].sum(1) / sizes[draws].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
