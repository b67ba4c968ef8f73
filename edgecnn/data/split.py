"""Divides a dataset into splits by a rule that depends on names alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError

_Unit = tuple[str, list[int]]
"""A name and the samples that stay together under it."""


def divide(dataset: Dataset, shares: Mapping[str, float], seed: int = 0) -> tuple[Dataset, ...]:
    """Divide a dataset; each class keeps its share in each split, to within one group.

    The samples of a group stay together. A picture's class is its label, or the set of the classes
    of its boxes. Which sample goes where depends on the seed and the samples' names, never on
    their order; within a split the order stays. What the reader left out is reported once, with
    the first split.

    Args:
        dataset: what to divide.
        shares: name and share of each split; the shares add up to 1.
        seed: another seed gives another division.

    Raises:
        DataError: the shares do not add up to 1, or leave a split without a sample.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise DataError(
            f"{dataset.name}: split: expected shares above 0 that add up to 1, got {dict(shares)}"
        )
    members: dict[str, list[int]] = {name: [] for name in shares}
    seen = 0
    for _, indices in _units(dataset.samples, seed):
        # The split that is furthest behind takes the next unit. Units come class after class, so
        # that each class is dealt out evenly, and so are classes of one sample among each other.
        seen += len(indices)
        behind = {name: share * seen - len(members[name]) for name, share in shares.items()}
        members[max(behind, key=behind.__getitem__)] += indices
    splits = []
    for index, (name, chosen) in enumerate(members.items()):
        if not chosen:
            raise DataError(f"{dataset.name}: split: no sample is left for {name}: raise its share")
        samples = tuple(dataset.samples[i] for i in sorted(chosen))
        faults = dataset.faults if index == 0 else ()
        splits.append(
            replace(dataset, name=f"{dataset.name}:{name}", samples=samples, faults=faults)
        )
    return tuple(splits)


def _units(samples: Sequence[Sample], seed: int) -> list[_Unit]:
    """Return the samples by group, ordered by class and, in a class, by chance."""
    units: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        key = f"group {sample.group}" if sample.group else f"name {sample.name}"
        units.setdefault(key, []).append(index)

    def order(unit: _Unit) -> tuple[tuple[int, ...], str]:
        kinds = [_kind(samples[index]) for index in unit[1]]
        commonest = max(sorted(set(kinds)), key=kinds.count)
        return commonest, hashlib.sha256(f"{seed} {unit[0]}".encode()).hexdigest()

    return sorted(units.items(), key=order)


def _kind(sample: Sample) -> tuple[int, ...]:
    if sample.label is not None:
        return (sample.label,)
    return tuple(np.unique(sample.box_labels).tolist())
