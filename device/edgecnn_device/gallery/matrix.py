"""All templates in memory, row by row, and the exact best people among them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

_ROWS = 8192
"""Of a block: 4 MB of 128 numbers. What is not filled yet costs no memory."""

Scored = tuple[float, int]
"""A score, and the number of the person who has it."""


class Matrix:
    """Unit vectors and whose they are, in blocks: adding never copies what is there.

    A row costs its numbers and 8 bytes; a search needs the scores of one block beside that.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: list[NDArray[np.float32]] = []
        self._owners: list[NDArray[np.int64]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """What is allocated."""
        return sum(block.nbytes for block in self._vectors + self._owners)

    def append(self, vectors: NDArray[np.float32], owners: NDArray[np.int64]) -> None:
        """Add rows in time proportional to how many they are.

        Args:
            vectors: (N, D), of length 1.
            owners: (N,), numbers of people.
        """
        while len(vectors):
            block, start = divmod(self._count, _ROWS)
            if block == len(self._vectors):
                self._vectors.append(_block(self._size))
                self._owners.append(np.empty(_ROWS, np.int64))
            n = min(len(vectors), _ROWS - start)
            self._vectors[block][start : start + n] = vectors[:n]
            self._owners[block][start : start + n] = owners[:n]
            self._count += n
            vectors, owners = vectors[n:], owners[n:]

    def remove(self, owner: int) -> int:
        """Drop the rows of a person; the last rows take their places. Returns how many."""
        rows = [
            block * _ROWS + int(row)
            for block, (_, owners) in enumerate(self._filled())
            for row in np.flatnonzero(owners == owner)
        ]
        for row in reversed(rows):
            self._count -= 1
            last, end = divmod(self._count, _ROWS)
            block, place = divmod(row, _ROWS)
            self._vectors[block][place] = self._vectors[last][end]
            self._owners[block][place] = self._owners[last][end]
            self._vectors[last][end] = 0
        keep = -(-self._count // _ROWS)
        del self._vectors[keep:], self._owners[keep:]
        return len(rows)

    def of(self, owner: int) -> NDArray[np.float32]:
        """Return the rows of a person: (N, D), in no order."""
        found = [vectors[owners == owner] for vectors, owners in self._filled()]
        return np.concatenate([np.empty((0, self._size), np.float32), *found])

    def best(self, queries: NDArray[np.float32], k: int) -> list[list[Scored]]:
        """Return the k best distinct people of each query, best first.

        A person's score is that of the best of their rows. Every row is compared.

        Args:
            queries: (M, D), of length 1.
            k: at least 1; fewer come back where there are fewer people.
        """
        best: list[list[Scored]] = [[] for _ in queries]
        for vectors, owners in self._filled():
            scores = queries @ vectors.T
            for mine, row in zip(best, scores, strict=True):
                _take_best(mine, row, owners, k)
        return best

    def _filled(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        for block, (vectors, owners) in enumerate(zip(self._vectors, self._owners, strict=True)):
            n = min(self._count - block * _ROWS, _ROWS)
            yield vectors[:n], owners[:n]


def _block(size: int) -> NDArray[np.float32]:
    """Return room for rows, in huge pages where there are any: searched a fifth faster.

    Mappings of whole pages lie side by side, such that a huge page may span two blocks; what
    malloc gives does not.
    """
    room = mmap.mmap(-1, 4 * _ROWS * size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel built without
            room.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(room, np.float32).reshape(_ROWS, size)


def _take_best(
    best: list[Scored], scores: NDArray[np.float32], owners: NDArray[np.int64], k: int
) -> None:
    """Merge a block's scores, which it spoils, into the best k people so far.

    Most blocks hold nobody better than the k-th, and cost one pass for their maximum.
    """
    while True:
        place = int(scores.argmax())
        score, owner = float(scores[place]), int(owners[place])
        if score == -np.inf or (len(best) >= k and score <= best[-1][0]):
            return
        before = [entry for entry in best if entry[1] == owner]
        others = [entry for entry in best if entry[1] != owner]
        best[:] = sorted([*others, max([*before, (score, owner)])], reverse=True)[:k]
        scores[owners == owner] = -np.inf
