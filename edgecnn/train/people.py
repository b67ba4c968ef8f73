"""Pictures of people: who is there, and an order that shows each person equally often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.pictures import labels_of, usable
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import RecipeError


def usable_people(dataset: Dataset, strict: bool) -> tuple[Dataset, tuple[Fault, ...]]:
    """Return what `usable` gives, each class a person whose pictures stay together.

    Raises:
        DataError: with ``strict``, any fault; or nothing is left.
    """
    found, faults = usable(dataset, strict)
    samples = tuple(replace(s, group=f"person {s.label}") for s in found.samples)
    return replace(found, samples=samples), faults


def names_of(dataset: Dataset) -> frozenset[str]:
    """Return the names of those who have a picture."""
    return frozenset(dataset.classes[label] for label in np.unique(labels_of(dataset)))


def with_least(dataset: Dataset, least: int) -> Dataset:
    """Return the pictures of people who have at least so many."""
    counts = Counter(s.label for s in dataset.samples)
    samples = tuple(s for s in dataset.samples if counts[s.label] >= least)
    return replace(dataset, samples=samples)


class PeopleOrder:
    """Steps of P different people with K pictures each, from a seed (Hermans et al., 2017).

    A function of the position alone. In every pass each person comes once, but for the few who are
    left when the people are not a multiple of P; their pictures are drawn without repetition where
    they have K.
    """

    def __init__(self, people: NDArray[np.int64], batch: int, pictures: int, seed: int) -> None:
        """Make the order.

        Args:
            people: (N,) the person of every picture, from 0.
            batch: pictures of one step, a multiple of ``pictures``.
            pictures: K.
            seed: another seed gives another order.

        Raises:
            RecipeError: there are fewer people than a step needs.
        """
        self._members = [np.flatnonzero(people == person) for person in range(people.max() + 1)]
        self._step, self._pictures, self._seed = batch // pictures, pictures, seed
        self._steps = len(self._members) // self._step
        if not self._steps:
            raise RecipeError(
                f"optimizer.batch: {batch} pictures, {pictures} of each person, need "
                f"{self._step} people; the training split has {len(self._members)}"
            )
        self._pass = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, position: int) -> int:
        """Return the picture at a position of the endless stream."""
        place, picture = divmod(position, self._pictures)
        turn, slot = divmod(place, self._steps * self._step)
        if turn != self._pass:
            rng = np.random.default_rng((self._seed, 2, turn))
            self._order, self._pass = rng.permutation(len(self._members)), turn
        members = self._members[self._order[slot]]
        rng = np.random.default_rng((self._seed, 3, place))
        drawn = rng.permutation(len(members))
        return int(members[drawn[picture % len(members)]])
