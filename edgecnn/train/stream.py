"""The order in which samples are seen: a function of the position, cut into steps and shares."""

from __future__ import annotations

import numpy as np


def shard(start: int, total: int, batch: int, rank: int, world: int) -> list[list[int]]:
    """Cut the positions from ``start`` to ``total`` into steps, and take one process's share.

    Args:
        start: first position; a multiple of ``batch``.
        total: positions in all; what is left after the last whole step is dropped where several
            processes could not share it evenly.
        batch: positions of one step, over all processes; a multiple of ``world``.
        rank: which process, 0..world-1.
        world: number of processes.

    Returns:
        The positions of each step.
    """
    share = batch // world
    steps = []
    for first in range(start, total, batch):
        size = min(batch, total - first)
        if size == batch:
            steps.append(list(range(first + rank * share, first + (rank + 1) * share)))
        elif world == 1:
            steps.append(list(range(first, total)))
    return steps


class Shuffle:
    """A new permutation of n samples in every pass, from a seed."""

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        self._seed = seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def __call__(self, position: int) -> int:
        """Return the sample at a position of the endless stream."""
        epoch, place = divmod(position, self._n)
        if epoch != self._epoch:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._n)
            self._epoch = epoch
        return int(self._order[place])
