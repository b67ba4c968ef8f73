"""Prepared samples that are made one at a time, whenever they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.vision.preprocess import preprocess

Prepared = NDArray[np.float32]
"""One sample as the network takes it, without the axis N."""

Picture = Callable[[], NDArray[np.uint8]]
"""Reads one picture when it is called, (H, W, 3) BGR or (H, W) grey."""


class Inputs(Protocol):
    """Samples in a fixed order that can be gone through again and again; an array is such."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Prepared: ...

    def __iter__(self) -> Iterator[Prepared]: ...


class Origin(Protocol):
    """Where samples come from; it holds as good as nothing of them."""

    def read(self, rows: Sequence[int]) -> Iterator[Prepared]:
        """Yield the samples of these rows, each made when it is asked for."""
        ...


@dataclass(frozen=True, eq=False)
class Streamed:
    """Some rows of an origin, as `Inputs`."""

    origin: Origin
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Prepared]:
        return self.origin.read(self.rows)

    def __getitem__(self, index: int, /) -> Prepared:
        return next(self.origin.read((self.rows[index],)))


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures that are decoded and prepared each time they are asked for."""

    pictures: tuple[Picture, ...]
    spec: InputSpec

    def read(self, rows: Sequence[int]) -> Iterator[Prepared]:
        """Yield prepared pictures.

        Raises:
            DataError: a file that is absent, no picture, or damaged.
        """
        for row in rows:
            yield preprocess(self.pictures[row](), self.spec)


@dataclass(frozen=True, eq=False)
class _Held:
    """Samples that somebody else holds already."""

    inputs: Inputs

    def read(self, rows: Sequence[int]) -> Iterator[Prepared]:
        for row in rows:
            yield self.inputs[row]


def take(inputs: Inputs, indices: Sequence[int]) -> Streamed:
    """Return some of the samples without reading any."""
    if isinstance(inputs, Streamed):
        return replace(inputs, rows=tuple(inputs.rows[i] for i in indices))
    return Streamed(_Held(inputs), tuple(indices))


def pictures_of(inputs: Inputs) -> tuple[Picture, ...]:
    """Return what the samples are prepared from; () where they never were pictures."""
    if isinstance(inputs, Streamed) and isinstance(inputs.origin, Pictures):
        return tuple(inputs.origin.pictures[row] for row in inputs.rows)
    return ()
