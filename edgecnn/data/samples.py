"""The one sample type of each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LineSample:
    """A picture of one serial-number line."""

    name: str
    """Where it came from: a file, or seed and index."""
    image: NDArray[np.uint8]
    """(H, W, 3) BGR."""
    text: str
    """The serial in canonical form; empty when there is nothing to read."""
    currency: str | None
    """ISO 4217 code; None when there is nothing to read."""
    group: str = ""
    """What belongs together, such as the pictures of one physical note."""
    centres: tuple[float, ...] = ()
    """Middle of each character as a share of the width, where a generator knows it."""


def _no_boxes() -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32)


def _no_labels() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


def _no_landmarks() -> NDArray[np.float32]:
    return np.zeros((0, 3), np.float32)


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with what is known of it, whatever file said so."""

    name: str
    """Its file relative to the dataset, or file#index."""
    read: Callable[[], NDArray[np.uint8]]
    """Returns the picture, upright, as (H, W, 3) BGR or (H, W) grey; picklable, reads when called.

    Raises `DataError` where the file is damaged.
    """
    label: int | None = None
    """Index into the dataset's classes; None where the picture as a whole has none."""
    boxes: NDArray[np.float32] = field(default_factory=_no_boxes)
    """(N, 4) x1, y1, x2, y2 in pixels of the upright picture; the far edges are exclusive."""
    box_labels: NDArray[np.int64] = field(default_factory=_no_labels)
    """(N,) indices into the dataset's classes."""
    quads: NDArray[np.float32] | None = None
    """(N, 4, 2) corners of the same boxes, from the thing's own top-left one clockwise, where they
    lie at an angle; `boxes` then are the upright boxes around them."""
    landmarks: NDArray[np.float32] = field(default_factory=_no_landmarks)
    """(K, 3) x, y in pixels, and 1 where the point is visible, else 0."""
    box_points: NDArray[np.float32] | None = None
    """(N, K, 3) likewise of each box; None where the set has no points."""
    group: str = ""
    """What belongs together and must not be split, such as the pictures of one person."""
    size: tuple[int, int] | None = None
    """Width and height in pixels as the labels state them; None where they do not."""


@dataclass(frozen=True)
class Fault:
    """Something wrong with a dataset."""

    file: str
    kind: str
    """A short fixed name, such as ``box-outside``."""
    detail: str
    """One line for a person: what was expected, what is there."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of one split, in a fixed order."""

    name: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    faults: tuple[Fault, ...] = ()
    """What the reader met and left out: never dropped in silence."""
    points: tuple[str, ...] = ()
    """Names of the landmarks, in their order; () where the set does not name them."""
