"""What every user of labelled pictures needs: those that can be used, and their labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.check import readable
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import DataError


def usable(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return the samples that can be read and have a label, and the faults of the others.

    Raises:
        DataError: with ``strict``, any fault; or nothing is left.
    """
    found, unreadable = readable(dataset)
    faults = (*dataset.faults, *unreadable)
    if faults and strict:
        raise DataError(
            f"{dataset.name}: {len(faults)} faulty samples, the first {faults[0].file}: "
            f"{faults[0].detail}: repair them, or leave out --strict"
        )
    if not found.samples or any(s.label is None for s in found.samples):
        raise DataError(f"{dataset.name}: expected pictures with one label each, got none")
    return found, faults


def labels_of(dataset: Dataset) -> NDArray[np.int64]:
    """Return the class index of every sample, (N,); -1 where it has none."""
    return np.array([s.label if s.label is not None else -1 for s in dataset.samples], np.int64)
