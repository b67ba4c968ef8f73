"""What the export asks of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Decode

Picture = Callable[[], NDArray[np.uint8]]
"""Reads one picture when it is called, (H, W, 3) BGR or (H, W) grey."""

Outputs = NDArray[np.float32]
"""(N, ...) of a network over the gate set."""


@dataclass(frozen=True)
class GateSet:
    """What every variant is scored on."""

    pictures: tuple[Picture, ...]
    name: str
    """For a person."""


@dataclass(frozen=True)
class Group:
    """A part of the gate set that is scored apart, such as a class."""

    name: str
    samples: int
    value: float


@dataclass(frozen=True)
class GateScore:
    """The task metric on the gate set."""

    value: float
    """Share of samples that are right, 0..1."""
    right: tuple[bool, ...]
    groups: tuple[Group, ...]

    @property
    def samples(self) -> int:
        """Size of the gate set."""
        return len(self.right)


class GateTask(Protocol):
    """A task as the gate sees it."""

    metric: str
    group: str
    """What the groups of a score are, for a heading."""
    decode: Decode

    def open(self, evaluate: Path | None) -> GateSet:
        """Open what the gate scores: a dataset, or by default the recipe's validation split."""
        ...

    def score(self, outputs: Outputs) -> GateScore:
        """Score outputs over the set that was opened last."""
        ...

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw pictures that are in no split and free to redistribute."""
        ...
