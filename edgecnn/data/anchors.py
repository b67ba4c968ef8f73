"""Anchor boxes from a set's own boxes: k-means whose distance is 1 - IoU.

Redmon and Farhadi, "YOLO9000: better, faster, stronger", CVPR 2017, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError
from edgecnn.vision.placement import placement, size_of
from edgecnn.vision.quads import from_quads

Sizes = NDArray[np.float64]
"""(N, 2) width and height, pixels."""

_TRIES = 10
_ROUNDS = 300


@dataclass(frozen=True, eq=False)
class AnchorSet:
    """Anchors, the smallest area first."""

    sizes: Sizes
    mean_iou: float
    """Of the boxes with the best anchor for each, about one middle; 0..1."""
    boxes: int
    """How many they were made from."""


def find_anchors(sizes: Sizes, count: int, seed: int = 0) -> AnchorSet:
    """Cluster sizes of boxes; the best of ten starts, each by k-means++.

    A cluster's middle is its median, which such a distance moves to faster than to its mean.

    Args:
        sizes: of boxes, in pixels of the network's input.
        count: anchors wanted.
        seed: equal seeds, equal anchors.

    Raises:
        DataError: fewer boxes of different sizes than anchors.
    """
    distinct = len(np.unique(sizes, axis=0))
    if distinct < count:
        raise DataError(f"expected at least {count} sizes of boxes, got {distinct}: fewer anchors")
    rng = np.random.default_rng(seed)
    best, best_iou = _cluster(sizes, count, rng)
    for _ in range(_TRIES - 1):
        found, iou = _cluster(sizes, count, rng)
        if iou > best_iou:
            best, best_iou = found, iou
    return AnchorSet(best[np.argsort(best.prod(1))], best_iou, len(sizes))


def box_sizes(dataset: Dataset, spec: InputSpec, oriented: bool = False) -> Sizes:
    """Return the sizes of all boxes as a network sees them.

    Args:
        dataset: with boxes that have an area; a picture whose labels do not state its size is
            read.
        spec: of the network's input.
        oriented: along the boxes' own axes, where the set gives their corners; a thin slanting box
            else has the size of the large upright one around it.

    Raises:
        DataError: there is no box.
    """
    found = []
    for sample in dataset.samples:
        if len(sample.boxes):
            picture = sample.size or size_of(sample.read())
            place = placement(picture, spec)
            if oriented and sample.quads is not None:
                found.append(from_quads(place.to_input(sample.quads))[:, 2:4].astype(np.float64))
                continue
            boxes = place.to_input(sample.boxes)
            found.append(boxes[:, 2:].astype(np.float64) - boxes[:, :2])
    if not found:
        raise DataError(f"{dataset.name}: expected boxes, got none")
    return np.concatenate(found)


def _cluster(sizes: Sizes, count: int, rng: np.random.Generator) -> tuple[Sizes, float]:
    middles = _start(sizes, count, rng)
    nearest = np.full(len(sizes), -1)
    for _ in range(_ROUNDS):
        overlaps = _overlaps(sizes, middles)
        now = overlaps.argmax(1)
        if (now == nearest).all():
            break
        nearest = now
        middles = np.stack([
            np.median(sizes[nearest == i], axis=0) if (nearest == i).any() else middles[i]
            for i in range(count)
        ])  # fmt: skip
    return middles, float(_overlaps(sizes, middles).max(1).mean())


def _start(sizes: Sizes, count: int, rng: np.random.Generator) -> Sizes:
    """Draw starts far from each other (k-means++)."""
    chosen = [int(rng.integers(len(sizes)))]
    while len(chosen) < count:
        distance = (1 - _overlaps(sizes, sizes[chosen]).max(1)) ** 2
        chosen.append(int(rng.choice(len(sizes), p=distance / distance.sum())))
    return sizes[chosen]


def _overlaps(a: Sizes, b: Sizes) -> NDArray[np.float64]:
    """Return (N, M) IoU of boxes about one middle."""
    common = np.minimum(a[:, None], b[None]).prod(2)
    return np.asarray(common / (a.prod(1)[:, None] + b.prod(1)[None] - common))
