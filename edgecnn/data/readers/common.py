"""What the readers share: pictures that are read when asked for, names, and the last step."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import SUFFIXES, read_image
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

SPLITS = ("train", "trainval", "val", "valid", "validation", "dev", "eval", "test")
"""Usual names of splits, in the order in which splits are listed."""


@dataclass(frozen=True)
class FilePicture:
    """A picture in a file, read when called."""

    path: Path

    def __call__(self) -> NDArray[np.uint8]:
        """Return (H, W, 3) BGR, upright.

        Raises:
            DataError: no such file, no picture in it, or only a part of one.
        """
        return read_image(self.path)


@dataclass(frozen=True, eq=False)
class ArrayPicture:
    """A picture that is in memory already."""

    image: NDArray[np.uint8]

    def __call__(self) -> NDArray[np.uint8]:
        """Return a copy, which the caller may write to."""
        return self.image.copy()


def is_picture(path: Path) -> bool:
    """Tell by its name whether a file is a picture."""
    return path.suffix.lower() in SUFFIXES


def visible(folder: Path) -> list[Path]:
    """Return what is in a folder, by name, without what systems leave behind.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX")))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}") from error


def order_splits(names: Iterable[str]) -> tuple[str, ...]:
    """Return split names in the usual order, others after them by name."""
    rank = {name: index for index, name in enumerate(SPLITS)}
    return tuple(sorted(names, key=lambda name: (rank.get(name, len(rank)), name)))


def relative(path: Path, root: Path) -> str:
    """Return a file's name within the set, with forward slashes."""
    return Path(os.path.relpath(path, root)).as_posix()


def exists(path: Path) -> bool:
    """Tell whether a file is there; a name that cannot be one is not."""
    return os.path.exists(path)


def box_array(boxes: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Return boxes as (N, 4); a number too large becomes infinite, for the check to find."""
    with np.errstate(over="ignore"):
        return np.array(boxes, np.float64).reshape(-1, 4).astype(np.float32)


def unknown_class(file: str, label: str, classes: Sequence[str]) -> Fault:
    """Return the fault of a label that is none of the classes."""
    known = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
    return Fault(file, "unknown-class", f"{label!r}: expected one of {known}")


def finish(
    root: Path, split: str, classes: Sequence[str], samples: Sequence[Sample],
    faults: Sequence[Fault],
) -> Dataset:  # fmt: skip
    """Return the dataset of a split.

    Raises:
        DataError: there is no sample; the message gives the first fault.
    """
    place = f"{root.name}:{split}" if split else root.name
    if not samples and not faults:
        raise DataError(f"{place}: no sample in it: expected at least one")
    if not samples:
        first = f"{faults[0].file}: {faults[0].detail}"
        raise DataError(f"{place}: no usable sample in it; the first of {len(faults)}: {first}")
    return Dataset(place, tuple(classes), tuple(samples), tuple(faults))
