"""All templates in memory, row by row, and the exact best people among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.gallery.block import Block
from edgecnn_device.gallery.bounds import Bounds

_ROWS = 8192
"""Of a block: the first bytes of 128 numbers are 1 MB."""
_FIRST_LOOK = 64
"""Rows of a block that are looked at closely at once; each further look takes twice as many."""

Scored = tuple[float, int]
"""A score, and the number of the person who has it."""


class Matrix:
    """Unit vectors and whose they are, in blocks: adding never copies what is there.

    A row costs its numbers and 12 bytes; a search needs the bounds of one block beside that.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._blocks: list[Block] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, vectors: NDArray[np.float32], owners: NDArray[np.int64]) -> None:
        """Add rows in time proportional to how many they are.

        Args:
            vectors: (N, D), of length 1.
            owners: (N,), numbers of people.
        """
        while len(vectors):
            block, start = divmod(self._count, _ROWS)
            if block == len(self._blocks):
                self._blocks.append(Block(_ROWS, self._size))
            n = min(len(vectors), _ROWS - start)
            self._blocks[block].put(start, vectors[:n], owners[:n])
            self._count += n
            vectors, owners = vectors[n:], owners[n:]

    def remove(self, owner: int) -> int:
        """Drop the rows of a person; the last rows take their places. Returns how many."""
        rows = [
            number * _ROWS + int(row)
            for number, (block, n) in enumerate(self._filled())
            for row in np.flatnonzero(block.owners[:n] == owner)
        ]
        for row in reversed(rows):
            self._count -= 1
            last, end = divmod(self._count, _ROWS)
            block, place = divmod(row, _ROWS)
            self._blocks[block].take(place, self._blocks[last], end)
        del self._blocks[-(-self._count // _ROWS) :]
        return len(rows)

    def of(self, owner: int) -> NDArray[np.float32]:
        """Return the rows of a person: (N, D), in no order."""
        found = [b.get(np.flatnonzero(b.owners[:n] == owner)) for b, n in self._filled()]
        return np.concatenate([np.empty((0, self._size)), *found]).astype(np.float32)

    def best(self, queries: NDArray[np.float32], k: int) -> list[list[Scored]]:
        """Return the k best distinct people of each query, best first.

        A person's score is that of the best of their rows. The bounds of every row are compared,
        and the score of each whose bound is not below the k-th best.

        Args:
            queries: (M, D), of length 1.
            k: at least 1; fewer come back where there are fewer people.
        """
        best: list[list[Scored]] = [[] for _ in queries]
        bounds, exact = Bounds.of(queries), queries.astype(np.float64)
        for block, n in self._filled():
            upper = bounds.upper(block.first[:n], block.greatest[:n])
            for mine, query, of in zip(best, exact, upper, strict=True):
                _look_closely(mine, block, query, of, k)
        return best

    def _filled(self) -> Iterator[tuple[Block, int]]:
        """Yield blocks, and how many rows of each are filled."""
        for number, block in enumerate(self._blocks):
            yield block, min(self._count - number * _ROWS, _ROWS)


def _look_closely(
    best: list[Scored],
    block: Block,
    query: NDArray[np.float64],
    upper: NDArray[np.float32],
    k: int,
) -> None:
    """Merge a block into the best k people so far; spoils its bounds.

    Most blocks hold nobody who may be better than the k-th, and cost one pass for their maximum.
    """
    look = _FIRST_LOOK
    while upper.max() > (worst := best[-1][0] if len(best) >= k else -np.inf):
        near = np.flatnonzero(upper > worst)
        if len(near) > look:
            near = near[np.argpartition(upper[near], -look)[-look:]]
        _take_best(best, block.get(near) @ query, block.owners[near], k)
        upper[near] = -np.inf
        look *= 2


def _take_best(
    best: list[Scored], scores: NDArray[np.float64], owners: NDArray[np.int64], k: int
) -> None:
    """Merge scores, which it spoils, into the best k people so far."""
    while True:
        place = int(scores.argmax())
        score, owner = float(scores[place]), int(owners[place])
        if score == -np.inf or (len(best) >= k and score <= best[-1][0]):
            return
        before = [entry for entry in best if entry[1] == owner]
        others = [entry for entry in best if entry[1] != owner]
        best[:] = sorted([*others, max([*before, (score, owner)])], reverse=True)[:k]
        scores[owners == owner] = -np.inf
