"""Follows things through frames by where they are.

What moves little between frames overlaps itself, or at least stays near: each quad goes to the
track it has most in common with, the best pair first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.quads import Quads, quad_areas, quad_iou_matrix

REACH = 0.6
"""A middle may move by less than this share of a thing's size (the root of its area), and so far a
serial lies from the middle of its note, which is not always found around it."""


@dataclass(frozen=True)
class Matches:
    """What became of the quads of one frame."""

    tracks: tuple[int, ...]
    """The track of each quad."""
    ended: tuple[int, ...]
    """Tracks that were missed too often."""


@dataclass
class _Track:
    quad: NDArray[np.float32]
    missed: int = 0


class QuadTracker:
    """Gives every quad of a frame the number of its track."""

    def __init__(self, max_missed: int) -> None:
        """Begin without tracks.

        Args:
            max_missed: frames in a row that a track may be missed; the next one ends it.
        """
        self._max_missed = max_missed
        self._live: dict[int, _Track] = {}
        self._begun = 0

    def __call__(self, quads: Quads) -> Matches:
        """Take the quads of the next frame, (N, 4, 2) in pixels."""
        numbers = list(self._live)
        held = np.stack([self._live[n].quad for n in numbers]) if numbers else quads[:0]
        found = {j: numbers[i] for i, j in _pairs(affinities(held, quads))}
        for number in numbers:
            self._live[number].missed += 1
        for j, quad in enumerate(quads):
            number = found.setdefault(j, self._begun)
            self._begun = max(self._begun, number + 1)
            self._live[number] = _Track(quad)
        ended = tuple(n for n in numbers if self._live[n].missed > self._max_missed)
        for number in ended:
            del self._live[number]
        return Matches(tuple(found[j] for j in range(len(quads))), ended)


def affinities(a: Quads, b: Quads) -> NDArray[np.float64]:
    """Return (N, M) how much quads have in common, 0..2; 0: they cannot be the same thing.

    Their intersection over union, and how near their middles are: 1 at the same place, 0 at
    `REACH` sizes of the larger one.
    """
    if not (len(a) and len(b)):
        return np.zeros((len(a), len(b)))
    size = np.sqrt(np.maximum(quad_areas(a)[:, None], quad_areas(b)[None]))
    gap = np.linalg.norm(a.mean(1)[:, None] - b.mean(1)[None], axis=2)
    far = np.divide(gap, REACH * size, out=np.ones_like(size), where=size > 0)
    near = np.clip(1 - np.nan_to_num(far, nan=1.0, posinf=1.0), 0, 1)
    return np.asarray(quad_iou_matrix(a, b) + near)


def _pairs(affinity: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows and columns greedily, the highest positive affinity first."""
    rest, out = affinity.copy(), []
    while rest.size and rest.max() > 0:
        i, j = np.unravel_index(int(rest.argmax()), rest.shape)
        out.append((int(i), int(j)))
        rest[i], rest[:, j] = 0, 0
    return out
