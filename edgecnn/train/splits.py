"""Opens what trains and what chooses: the same for every task that learns from pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Dataset, Fault
from edgecnn.data.split import divide
from edgecnn.errors import RecipeError

Usable = Callable[[Dataset, bool], tuple[Dataset, tuple[Fault, ...]]]
"""Returns the samples that a task can use, and the faults of the others; with True it raises."""


class Splits(Protocol):
    """The part of a recipe that names the data."""

    @property
    def train(self) -> str:
        """A DATASET, PATH[:split]."""
        ...

    @property
    def validation(self) -> str | float:
        """A DATASET, or the share of the training split that is held back."""
        ...


class ClassedSplits(Splits, Protocol):
    """The same with classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order; empty: those of the training split."""
        ...


def open_both(
    data: Splits, seed: int, usable: Usable, strict: bool
) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation split, without what cannot be used.

    Args:
        data: names them.
        seed: of the division, where a share is held back.
        usable: what the task can use.
        strict: anything that cannot be used is an error.

    Returns:
        Both, and what was left out.

    Raises:
        DataError: a set cannot be opened; with ``strict``, any fault.
    """
    train, faults = usable(open_dataset(data.train), strict)
    if isinstance(data.validation, str):
        validation, more = usable(open_dataset(data.validation), strict)
        return train, validation, faults + more
    shares = {"train": 1 - data.validation, "validation": data.validation}
    train, validation = divide(train, shares, seed)
    return train, validation, faults


def agreed_classes(data: ClassedSplits, train: Dataset, validation: Dataset) -> tuple[str, ...]:
    """Return the classes behind the outputs.

    Raises:
        RecipeError: recipe, training and validation split do not agree.
    """
    wanted = data.classes or train.classes
    for dataset in (train, validation):
        if dataset.classes != wanted:
            raise RecipeError(
                f"data: {dataset.name} has the classes {', '.join(dataset.classes)}; expected "
                f"{', '.join(wanted)}, in this order"
            )
    return wanted
