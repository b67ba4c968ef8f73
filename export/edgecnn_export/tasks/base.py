"""What the export asks of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.scoring import PairedDrop, paired_drop
from edgecnn.vision.preprocess import Input, network_input

if TYPE_CHECKING:
    from typing_extensions import Self

Sample: TypeAlias = Callable[[InputSpec], Input]
"""Reads one sample when it is called, and prepares it as the spec says."""

Outputs: TypeAlias = tuple[NDArray[np.float32], ...]
"""Each output of a network over some samples, (N, ...)."""


def read_sample(read: Callable[[], NDArray[np.uint8]], spec: InputSpec) -> Input:
    """Read a picture and prepare it; with ``partial(read_sample, read)`` this is a `Sample`."""
    return network_input(read(), spec)


def join(parts: Sequence[Outputs]) -> Outputs:
    """Put the outputs for several batches together."""
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@dataclass(frozen=True)
class GateSet:
    """What every variant is scored on."""

    samples: tuple[Sample, ...]
    name: str
    """For a person."""
    identities: tuple[Sample, ...] = ()
    """The same samples as calibration prepares them, where the gate shows them in another way."""


@dataclass(frozen=True)
class Group:
    """A part of the gate set that is scored apart, such as a class."""

    name: str
    samples: int
    value: float
    interval: tuple[float, float] | None = None
    """95 %, of the value; None: that of a share of the samples."""


class TaskScore(Protocol):
    """The task metric on the gate set; it knows how it is compared with another."""

    @property
    def value(self) -> float:
        """0..1, more is better."""
        ...

    @property
    def samples(self) -> int:
        """How many were scored."""
        ...

    @property
    def groups(self) -> tuple[Group, ...]:
        """The parts."""
        ...

    @property
    def group_value(self) -> str:
        """What the value of a part is, for a heading."""
        ...

    def drop_to(self, other: Self) -> PairedDrop:
        """Return the drop to another model's score on the same samples."""
        ...


@dataclass(frozen=True)
class GateScore:
    """A metric that is the mean of what each sample earns."""

    value: float
    """Mean of the credits."""
    credits: tuple[float, ...]
    """What each sample earns, 0..1: 0 or 1 where an answer is right or wrong."""
    groups: tuple[Group, ...] = ()

    @property
    def samples(self) -> int:
        """How many were scored."""
        return len(self.credits)

    @property
    def group_value(self) -> str:
        """The share of samples that are right."""
        return "right"

    def drop_to(self, other: GateScore) -> PairedDrop:
        """Compare sample by sample; see `paired_drop`."""
        return paired_drop(self.credits, other.credits)


class GateTask(Protocol):
    """A task as the gate sees it."""

    decode: Decode
    group: str
    """What the groups of a score are, for a heading."""

    @property
    def metric(self) -> str:
        """Name of the metric; known once a set was opened."""
        ...

    def open(self, evaluate: Path | None) -> GateSet:
        """Open what the gate scores: a dataset, or by default what the source came with."""
        ...

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> TaskScore:
        """Score outputs over some samples of the set that was opened last.

        Args:
            outputs: of a variant, for these samples alone.
            reference: of the float model, for the same samples.
            which: positions of these samples in the set.
        """
        ...

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw pictures that are in no split and free to redistribute."""
        ...
