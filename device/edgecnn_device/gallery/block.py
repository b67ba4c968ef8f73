"""A block of templates in two layers: the first byte of every number, and the other three.

A search reads the first layer, a quarter of the memory, and the second only of the few rows that
the first cannot tell apart: the way of VA-files (Weber, Schek and Blott, VLDB 1998). Together the
layers hold each number as a fixed-point one of 32 bits over the greatest of its row, which is
finer than float32 where it matters: nothing of a score is lost, and no memory is spent on it.
"""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import NDArray

STEP = 2.0**24
"""What one of the first byte counts in units of the last."""
_UNITS = 2.0**31 - 1
FIRST_BYTE = STEP / _UNITS
"""What one of the first byte counts, over the greatest of the row."""


class Block:
    """Room for rows of D numbers; what is not filled yet costs no memory.

    Args:
        rows: how many it takes.
        size: D.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.first = _zeros(rows, size)
        """(rows, D): the first byte of every number; 128 stands for 0 to one step above."""
        self._rest = _zeros(rows, size, 3)
        self.greatest = np.zeros(rows, np.float32)
        """(rows,): the greatest magnitude of each row."""
        self.owners = np.empty(rows, np.int64)

    def put(self, start: int, vectors: NDArray[np.float32], owners: NDArray[np.int64]) -> None:
        """Write rows (N, D) and whose they are (N,) from a place on."""
        end = start + len(vectors)
        greatest = np.abs(vectors).max(1, initial=0)
        scale = _UNITS / np.where(greatest > 0, greatest, 1).astype(np.float64)
        units = np.rint(vectors * scale[:, None]).astype(np.int64) + 2**31
        layers = units.astype("<u4").view(np.uint8).reshape(*vectors.shape, 4)
        self.first[start:end], self._rest[start:end] = layers[..., 3], layers[..., :3]
        self.greatest[start:end], self.owners[start:end] = greatest, owners

    def get(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return rows (N, D) by their places (N,), to 32 bits of the greatest of each."""
        layers = np.concatenate([self._rest[rows], self.first[rows][..., None]], axis=2)
        units = layers.view("<u4")[..., 0].astype(np.float64) - 2.0**31
        return np.asarray(units * (self.greatest[rows, None] / _UNITS))

    def take(self, row: int, other: Block, place: int) -> None:
        """Overwrite a row with one of this or another block, and wipe that one."""
        for mine, theirs in zip(self._layers(), other._layers(), strict=True):
            mine[row] = theirs[place]
        for layer in other._layers():
            layer[place] = 0

    def _layers(self) -> tuple[NDArray[np.generic], ...]:
        return self.first, self._rest, self.greatest, self.owners


def _zeros(*shape: int) -> NDArray[np.uint8]:
    """Return zeros on pages of their own: what numpy gives is of the heap where that has room.

    Pages that nothing was written to cost no memory, and all go back with the block.
    """
    pages = mmap.mmap(-1, math.prod(shape), access=mmap.ACCESS_COPY)
    return np.frombuffer(pages, np.uint8).reshape(shape)
