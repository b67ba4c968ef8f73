"""Cuts windows with one object, or none, out of pictures with many: a set for localization.

A window with an object is a square around one whole object of the wanted classes, placed by
chance, that touches no other object of them; one without touches none. Objects that reach the edge
of their picture are not known to be whole: no window is made for them, and all keep away from
them. Sides of empty windows are drawn from those of the others where there is room, so that the
scale tells little. They come from pictures with a wanted object: one without is often one that
nobody labelled. No picture gives more than twice its even share of them, so that a wrong label
weighs little.
Which windows there are depends on the seed, the names of the pictures and their boxes alone.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.describe import CropsSection
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError
from edgecnn.vision.boxes import Boxes
from edgecnn.vision.placement import size_of

_TRIES = 30
"""Places that are tried for one window before it is given up."""
_CROWDING = 2
"""Times the even share of the empty windows that one picture may give."""
_EDGE = 1.0
"""Pixels: a box this near to the edge of its picture touches it."""

Window = tuple[int, int, int]
"""Left, top and side, whole pixels."""


@dataclass(frozen=True)
class WindowPicture:
    """A part of another sample's picture."""

    sample: Sample
    window: Window

    def __call__(self) -> NDArray[np.uint8]:
        """Return (side, side, 3) BGR, or grey.

        Raises:
            DataError: the picture cannot be read.
        """
        x, y, side = self.window
        return np.ascontiguousarray(self.sample.read()[y : y + side, x : x + side])


@dataclass(frozen=True, eq=False)
class _Source:
    sample: Sample
    size: tuple[int, int]
    wanted: Boxes
    labels: NDArray[np.int64]
    """(N,) indices into the wanted classes."""


def cut_windows(dataset: Dataset, options: CropsSection) -> Dataset:
    """Return the windows of a split; its pictures are read where the labels state no size.

    Raises:
        DataError: a wanted class is unknown, no object is whole and alone, or there is not enough
            room for the empty windows.
    """
    absent = [name for name in options.classes if name not in dataset.classes]
    if absent:
        known = ", ".join(dataset.classes)
        raise DataError(f"{dataset.name}: crops.classes: {absent[0]}: expected some of {known}")
    sources = [_source(sample, dataset, options) for sample in dataset.samples]
    filled = [window for source in sources for window in _filled(source, options)]
    if not filled:
        raise DataError(f"{dataset.name}: crops: no whole object of {', '.join(options.classes)}")
    sides = [size[0] for size in (sample.size for sample in filled) if size is not None]
    count = round(len(filled) * options.empty / (1 - options.empty))
    samples = (*filled, *_empty(dataset.name, sources, sides, count, options))
    return Dataset(dataset.name, options.classes, samples, dataset.faults)


def _source(sample: Sample, dataset: Dataset, options: CropsSection) -> _Source:
    ids = [dataset.classes.index(name) for name in options.classes]
    chosen = np.isin(sample.box_labels, ids)
    labels = np.array([ids.index(i) for i in sample.box_labels[chosen]], np.int64)
    size = sample.size or size_of(sample.read())
    return _Source(sample, size, sample.boxes[chosen], labels)


def _filled(source: _Source, options: CropsSection) -> list[Sample]:
    """Return the windows with one object; fewer where no new place keeps away from the others."""
    found = []
    limits = np.array(source.size, np.float32) - _EDGE
    for index, box in enumerate(source.wanted):
        if (box[:2] <= _EDGE).any() or (box[2:] >= limits).any():
            continue
        others = np.delete(source.wanted, index, axis=0)
        taken: set[Window] = set()
        for look in range(options.looks):
            rng = _chance(options.seed, source.sample.name, index, look)
            window = _around(box, others, source.size, taken, options, rng)
            if window is not None:
                taken.add(window)
                label = source.labels[index : index + 1]
                found.append(_sample(source, window, f"{index}.{look}", box[None], label))
    return found


def _around(
    box: NDArray[np.float32], others: Boxes, size: tuple[int, int], taken: set[Window],
    options: CropsSection, rng: np.random.Generator,
) -> Window | None:  # fmt: skip
    longest = float((box[2:] - box[:2]).max())
    for _ in range(_TRIES):
        side = min(round(longest * rng.uniform(*options.span)), *size)
        low = np.maximum(np.ceil(box[2:] - side), 0).astype(int)
        high = np.minimum(np.floor(box[:2]), np.array(size) - side).astype(int)
        if (low > high).any():
            continue
        x, y = (int(rng.integers(a, b + 1)) for a, b in zip(low, high, strict=True))
        if (x, y, side) not in taken and _apart((x, y, side), others, options.margin):
            return x, y, side
    return None


def _empty(
    name: str, sources: list[_Source], sides: list[int], count: int, options: CropsSection
) -> list[Sample]:
    """Return windows without any wanted object."""
    open_sources = [source for source in sources if len(source.wanted)]
    rng = _chance(options.seed, "empty", *sorted(s.sample.name for s in open_sources))
    most = _CROWDING * math.ceil(count / len(open_sources))
    found: list[Sample] = []
    taken: dict[str, set[Window]] = {s.sample.name: set() for s in open_sources}
    for number in range(count):
        for _ in range(_TRIES):
            side = sides[int(rng.integers(len(sides)))]
            place = _free_place(open_sources, side, options.margin, rng)
            if place is None or place[1] in (here := taken[place[0].sample.name]):
                continue
            here.add(place[1])
            found.append(_sample(*place, f"empty.{number}"))
            if len(here) == most:
                open_sources.remove(place[0])
            break
    if len(found) < count:
        raise DataError(
            f"{name}: crops: room for {len(found)} of {count} empty windows: lower crops.empty or "
            "crops.span"
        )
    return found


def _free_place(
    sources: list[_Source], side: int, margin: float, rng: np.random.Generator
) -> tuple[_Source, Window] | None:
    """Return a window of this side that touches nothing wanted, in any of the pictures."""
    for _ in range(10 * _TRIES if sources else 0):
        source = sources[int(rng.integers(len(sources)))]
        room = np.array(source.size) - side
        if room.min() >= 0:
            x, y = (int(rng.integers(0, most + 1)) for most in room)
            if _apart((x, y, side), source.wanted, margin):
                return source, (x, y, side)
    return None


def _apart(window: Window, boxes: Boxes, margin: float) -> bool:
    x, y, side = window
    near = boxes[:, :2] - margin < (x + side, y + side)
    far = boxes[:, 2:] + margin > (x, y)
    return not (near & far).all(1).any()


def _sample(
    source: _Source, window: Window, number: str, boxes: Boxes | None = None,
    labels: NDArray[np.int64] | None = None,
) -> Sample:  # fmt: skip
    sample, (x, y, side) = source.sample, window
    read = WindowPicture(sample, window)
    name, group = f"{sample.name}#{number}", sample.group or sample.name
    if boxes is None or labels is None:
        return Sample(name, read, group=group, size=(side, side))
    moved = np.asarray(boxes - np.array((x, y, x, y)), np.float32)
    return Sample(name, read, boxes=moved, box_labels=labels, group=group, size=(side, side))


def _chance(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
