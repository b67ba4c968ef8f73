"""Looks for what is wrong with the ground truth: boxes, labels, pictures, copies and leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

Progress = Callable[[int, int], None]
"""Called with how many pictures were looked at, and how many there are."""

_THREADS = 2
_AHEAD = 256
"""Samples under way at once; what is kept of each is a few bytes."""
_SMALLEST = 1.0
"""Pixels: a box with a side up to this long is a slip of the mouse. VOC cannot state a smaller."""
_ANY = 1 << 30
"""Pixels: a side of a picture that is not known."""
_ROUNDING = 0.5
"""Pixels that a box may reach over the edge, for labels that were scaled and rounded."""


@dataclass(frozen=True)
class CheckReport:
    """What a check looked at and found."""

    samples: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class BoxFault:
    """What is wrong with one box of a sample."""

    index: int
    kind: str
    detail: str


@dataclass(frozen=True)
class _Look:
    """What is kept of a picture."""

    width: int = 0
    height: int = 0
    digest: bytes = b""
    """Of the decoded pixels, so that another name or other metadata hide no copy."""
    error: str = ""


@dataclass(frozen=True)
class _Seen:
    dataset: Dataset
    sample: Sample


def check(
    datasets: Sequence[Dataset], progress: Progress = lambda done, total: None
) -> CheckReport:
    """Check the ground truth of the splits of a set.

    Kinds of faults: ``unreadable``, ``size-mismatch``, ``box-degenerate``, ``box-outside``,
    ``unknown-class``, ``duplicate`` (twice in a split), ``leak`` (in two splits),
    ``label-conflict`` (one picture, two truths), and those of the readers. One picture is in
    memory per thread.

    Args:
        datasets: the splits.
        progress: is told of each picture.
    """
    total = sum(len(dataset.samples) for dataset in datasets)
    faults = [fault for dataset in datasets for fault in dataset.faults]
    seen: dict[bytes, list[_Seen]] = {}
    done = 0
    for dataset in datasets:
        for sample, look in _looks(dataset.samples):
            faults += _sample_faults(dataset, sample, look)
            if not look.error:
                earlier = seen.setdefault(look.digest, [])
                now = _Seen(dataset, sample)
                faults += _copies(now, earlier)
                earlier.append(now)
            done += 1
            progress(done, total)
    return CheckReport(total, tuple(faults))


def readable(
    dataset: Dataset, progress: Progress = lambda done, total: None
) -> tuple[Dataset, tuple[Fault, ...]]:
    """Leave out the pictures that cannot be read, and say which.

    Args:
        dataset: a split.
        progress: is told of each picture.

    Returns:
        The dataset without them, each sample with the size that its picture has, and a fault for
        each that was left out; the dataset's own faults stay with it.

    Raises:
        DataError: none of the pictures can be read.
    """
    samples, faults = [], []
    for done, (sample, look) in enumerate(_looks(dataset.samples), 1):
        if look.error:
            faults.append(Fault(sample.name, "unreadable", look.error))
        else:
            samples.append(replace(sample, size=(look.width, look.height)))
        progress(done, len(dataset.samples))
    if not samples:
        first = f": {faults[0].detail}" if faults else ""
        raise DataError(f"{dataset.name}: no picture of it can be read{first}")
    return replace(dataset, samples=tuple(samples)), tuple(faults)


def without_degenerate_boxes(dataset: Dataset) -> tuple[Dataset, tuple[Fault, ...]]:
    """Leave out the boxes that have no area, and say which; no picture is read.

    Returns:
        The dataset without them, and a fault for each.
    """
    samples, faults = [], []
    for sample in dataset.samples:
        bad = [f for f in box_faults(sample, _ANY, _ANY) if f.kind == "box-degenerate"]
        keep = np.setdiff1d(np.arange(len(sample.boxes)), [fault.index for fault in bad])
        boxes, labels = sample.boxes[keep], sample.box_labels[keep]
        quads = None if sample.quads is None else sample.quads[keep]
        points = None if sample.box_points is None else sample.box_points[keep]
        left = replace(sample, boxes=boxes, box_labels=labels, quads=quads, box_points=points)
        samples.append(left if bad else sample)
        faults += [Fault(sample.name, fault.kind, fault.detail) for fault in bad]
    return replace(dataset, samples=tuple(samples)), tuple(faults)


def box_faults(sample: Sample, width: int, height: int) -> list[BoxFault]:
    """Return what is wrong with the boxes of a sample in a picture of width x height pixels."""
    found = []
    for index, (x1, y1, x2, y2) in enumerate(sample.boxes.tolist()):
        stated = f"box {index + 1} ({x1:g}, {y1:g}, {x2:g}, {y2:g})"
        # A comparison with NaN is false.
        if not (x2 - x1 > _SMALLEST and y2 - y1 > _SMALLEST):
            detail = f"{stated}: expected more than {_SMALLEST:g} pixel in width and height"
            found.append(BoxFault(index, "box-degenerate", detail))
        elif min(x1, y1) < -_ROUNDING or x2 > width + _ROUNDING or y2 > height + _ROUNDING:
            detail = f"{stated}: expected inside the picture, {width} x {height}"
            found.append(BoxFault(index, "box-outside", detail))
    return found


def _looks(samples: Sequence[Sample]) -> Iterator[tuple[Sample, _Look]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(samples), _AHEAD):
            batch = samples[start : start + _AHEAD]
            yield from zip(batch, pool.map(_look, batch), strict=True)


def _look(sample: Sample) -> _Look:
    try:
        image = sample.read()
    except DataError as error:
        return _Look(error=str(error))
    return _Look(image.shape[1], image.shape[0], _digest(image))


def _digest(image: NDArray[np.uint8]) -> bytes:
    state = hashlib.blake2b(str(image.shape).encode(), digest_size=16)
    state.update(np.ascontiguousarray(image).data)
    return state.digest()


def _sample_faults(dataset: Dataset, sample: Sample, look: _Look) -> Iterator[Fault]:
    known = range(len(dataset.classes))
    labels = [*sample.box_labels.tolist(), *([] if sample.label is None else [sample.label])]
    for label in sorted({*labels} - {*known}):
        detail = f"class {label}: expected 0 to {len(known) - 1}"
        yield Fault(sample.name, "unknown-class", detail)
    if look.error:
        yield Fault(sample.name, "unreadable", look.error)
        return
    if sample.size not in (None, (look.width, look.height)):
        stated = " x ".join(map(str, sample.size or ()))
        detail = f"the labels say {stated}, the picture is {look.width} x {look.height}"
        yield Fault(sample.name, "size-mismatch", detail)
    for fault in box_faults(sample, look.width, look.height):
        yield Fault(sample.name, fault.kind, fault.detail)


def _copies(now: _Seen, earlier: Sequence[_Seen]) -> Iterator[Fault]:
    """Compare a picture with those of the same pixels that came before it."""
    name, told = now.sample.name, set[str]()
    for other in earlier:
        place = other.dataset.name
        if place in told:
            continue
        told.add(place)
        if other.dataset is now.dataset:
            yield Fault(name, "duplicate", f"the same picture as {other.sample.name}")
        else:
            detail = f"in {now.dataset.name}; the same picture as {other.sample.name} in {place}"
            yield Fault(name, "leak", detail)
    mine = _truth(now)
    for other in earlier:
        theirs = _truth(other)
        if mine != theirs:
            words = f"{_words(now)} here, {_words(other)} as {other.sample.name}"
            yield Fault(name, "label-conflict", f"the same picture is {words}")
            break


def _truth(seen: _Seen) -> tuple[str, tuple[tuple[object, ...], ...]]:
    """Return the label and the boxes, whatever order they come in."""
    sample, classes = seen.sample, seen.dataset.classes
    boxes = zip(sample.box_labels.tolist(), sample.boxes.tolist(), strict=True)
    return _name(sample.label, classes), tuple(
        sorted((_name(label, classes), *map(str, box)) for label, box in boxes)
    )


def _name(label: int | None, classes: Sequence[str]) -> str:
    if label is None:
        return ""
    return classes[label] if 0 <= label < len(classes) else str(label)


def _words(seen: _Seen) -> str:
    label, boxes = _truth(seen)
    return label or f"labelled with {len(boxes)} box{'' if len(boxes) == 1 else 'es'}"
