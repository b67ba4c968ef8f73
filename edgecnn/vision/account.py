"""Whether a text accounts for a whole print, or leaves out a part of it.

A grammar makes a serial of longer print by leaving characters out. Where one is missing there is a
gap between its neighbours, or a column in which the text has a blank and the reader saw something.
Which column is whose is the text's likeliest alignment: the best path of the forward algorithm
(`edgecnn.vision.beam`) in place of the sum over all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.beam import alignment_states

SPACE = 1.25
"""Pitches by which a space parts characters at most, where a note prints one."""
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Account:
    """What a text leaves unsaid of one look."""

    gap: float
    """The widest step from one character to the next, as a part of the median step: some 1.2 where
    the print is even, 2 and more where a character is left out."""
    left_out: float
    """Nats against a blank in the column where the text has one and the reader doubts it most."""

    def within(self, most: Account) -> bool:
        """Tell whether no more is left unsaid than that."""
        return self.gap <= most.gap and self.left_out <= most.left_out


WHOLE = Account(gap=1.7, left_out=2.1)
"""The most that a serial may leave unsaid of its print. tests/bench/given_boxes.py --anyhow shows
what that costs on generated notes, and tests/bench/unknown_prints.py --anyhow what it keeps out."""


def account(
    p: NDArray[np.float64], classes: Sequence[int], spaces: Collection[int] = ()
) -> tuple[Account, ...]:
    """Hold a text against several looks.

    Args:
        p: (N, T, 1 + C) probabilities of N looks; class 0 is the blank.
        classes: the text, of classes 1, 2, ...
        spaces: places in the text before which a space may be printed, see `SPACE`.

    Returns:
        One for each look; infinite where its columns have no room for the text.
    """
    before = [place - 1 for place in spaces]
    return tuple(
        Account(_gap(columns, path, classes, before), _left_out(columns, path))
        for columns, path in zip(p, best_paths(p, classes), strict=True)
    )


def best_paths(p: NDArray[np.float64], classes: Sequence[int]) -> NDArray[np.intp]:
    """Return (N, T), the likeliest state of each column: 2 k + 1 is character k, even ones blanks.

    Args:
        p: (N, T, 1 + C) probabilities of N looks; class 0 is the blank.
        classes: the text, of classes 1, 2, ...
    """
    states, skips = (rows[0] for rows in alignment_states([classes], nothing=p.shape[2]))
    with np.errstate(divide="ignore"):
        log_p, barred = np.log(p[:, :, states]), np.log(skips)
    # Two dead states in front, and a row for the time before the first column.
    best = np.full((p.shape[1] + 1, len(p), len(states) + 2), -np.inf)
    best[0, :, 2] = 0
    for step, (before, after) in enumerate(pairwise(best)):
        np.maximum(before[:, 2:], before[:, 1:-1], out=after[:, 2:])
        np.maximum(after[:, 2:], before[:, :-2] + barred, out=after[:, 2:])
        after[:, 2:] += log_p[:, step]
    bars = barred.tolist()
    return np.array([_walk_back(best[:, look].tolist(), bars) for look in range(len(p))], np.intp)


def _walk_back(best: list[list[float]], barred: list[float]) -> list[int]:
    """Return the states of one look from the last column's better end on."""
    place = len(barred) - 1 - int(best[-1][-2] > best[-1][-1])
    path = []
    for before in best[-2::-1]:
        path.append(place)
        came = (before[place + 2], before[place + 1], before[place] + barred[place])
        place -= came.index(max(came))
    return path[::-1]


def _gap(
    p: NDArray[np.float64], path: NDArray[np.intp], classes: Sequence[int], before: list[int]
) -> float:
    """Return the widest step, less that of a space ``before`` which a space may be printed."""
    states = np.zeros(2 * len(classes) + 1, np.intp)
    states[1::2] = classes
    columns = np.arange(len(path))
    # The sides of a character are hardly its own.
    shares = p[columns, states[path]] + _TINY
    held = np.bincount(path, shares, len(states))[1::2]
    if not held.all():
        return np.inf
    middles = np.bincount(path, shares * columns, len(states))[1::2] / held
    steps = np.diff(middles)
    inner = np.delete(steps, before)
    if not inner.size:
        return 0.0
    pitches = steps / np.median(inner)
    pitches[before] -= SPACE
    return float(pitches.max())


def _left_out(p: NDArray[np.float64], path: NDArray[np.intp]) -> float:
    blanks = p[path % 2 == 0, 0]
    return float(-np.log(blanks.min() + _TINY)) if blanks.size else 0.0
