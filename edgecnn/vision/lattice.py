"""The grammars of serial numbers as one automaton over a reader's classes.

All patterns of all currencies are walked at once: a state is a place in the serial and the patterns
that the shapes so far leave possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.serials import GRAMMARS, LOOKALIKES, Pattern, from_glyphs, to_glyphs

LOOKALIKE_SHARE = 0.8
"""The share of a look-alike's probability that counts for the character it stands for."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """What may follow what; state 0 is the beginning."""

    moves: tuple[Mapping[int, int], ...]
    """Per state, the next state by class."""
    ends: tuple[tuple[tuple[str, Pattern], ...], ...]
    """Per state, the currencies and patterns that a serial may be complete as."""
    open_ended: bool
    """Whether every string of shapes is accepted, that is, there is no grammar."""
    classes: NDArray[np.intp]
    """The classes of every distinct alphabet, one alphabet after the other."""
    starts: NDArray[np.intp]
    """Where each alphabet begins in `classes`."""
    alphabet: NDArray[np.intp]
    """Which alphabet each of `classes` is of."""
    fold: NDArray[np.float64]
    """(1 + C, 1 + C): from the probabilities of shapes to those of what they may stand for."""

    def name(self, state: int, glyphs: str) -> tuple[str, str] | None:
        """Return the serial in canonical form and its currency, if it may be complete here."""
        if self.open_ended:
            return glyphs, ""
        for currency, pattern in self.ends[state]:
            text = from_glyphs(glyphs, currency)
            if pattern.accepts(text):
                return text, currency
        return None


@lru_cache(maxsize=8)
def lattice_of(charset: str, currencies: tuple[str, ...]) -> Lattice:
    """Build the automaton of some currencies' grammars.

    Args:
        charset: the characters of classes 1, 2, ...; patterns that it cannot spell are left out.
        currencies: keys of `GRAMMARS`; none gives the automaton that accepts everything.
    """
    class_of = {c: i + 1 for i, c in enumerate(charset)}
    patterns = tuple(
        (c, p)
        for c in currencies
        for p in GRAMMARS[c].patterns
        if all(set(to_glyphs(a)) & class_of.keys() for a in p.positions)
    )
    alphabets = {
        a: tuple(class_of[g] for g in to_glyphs(a) if g in class_of)
        for _, p in patterns
        for a in p.positions
    }
    if currencies:
        moves, ends = _walk(patterns, alphabets)
    else:
        alphabets = {charset: tuple(class_of.values())}
        moves, ends = (dict.fromkeys(alphabets[charset], 0),), ((),)
    sizes = [len(a) for a in alphabets.values()]
    return Lattice(
        moves, ends, not currencies,
        classes=np.array([c for a in alphabets.values() for c in a], np.intp),
        starts=np.cumsum([0, *sizes[:-1]], dtype=np.intp)[: len(sizes)],
        alphabet=np.repeat(np.arange(len(sizes)), sizes),
        fold=fold_of(charset) if currencies else np.eye(1 + len(charset)),
    )  # fmt: skip


@lru_cache(maxsize=8)
def fold_of(charset: str, rivals: float = LOOKALIKE_SHARE) -> NDArray[np.float64]:
    """Return the matrix that adds a share of its look-alikes to each character's probability.

    No position of a grammar takes both a character and its look-alike, so none counts twice.

    Args:
        charset: the characters of classes 1, 2, ...
        rivals: the share of a Latin letter for a digit, or of a digit for a letter, each of which
            another grammar may take where it stands (C34898147A without its end is a rouble serial
            if its 3 may be a З). Shapes of Cyrillic letters have `LOOKALIKE_SHARE`: a dollar's
            open 4 is a ч, and nothing else on a dollar is.
    """
    class_of = {c: i + 1 for i, c in enumerate(charset)}
    fold = np.eye(1 + len(charset))
    for char, likes in LOOKALIKES.items():
        for like in likes:
            if char in class_of and like in class_of:
                share = rivals if like.isascii() else LOOKALIKE_SHARE
                fold[class_of[like], class_of[char]] = share
    return fold


def _walk(
    patterns: tuple[tuple[str, Pattern], ...], alphabets: Mapping[str, tuple[int, ...]]
) -> tuple[tuple[dict[int, int], ...], tuple[tuple[tuple[str, Pattern], ...], ...]]:
    """Return the moves and ends of all states, breadth first."""
    begin = (0, tuple(range(len(patterns))))
    numbers, queue = {begin: 0}, [begin]
    moves, ends = [], []
    for place, alive in queue:
        followers: dict[int, list[int]] = {}
        for index in alive:
            positions = patterns[index][1].positions
            if place < len(positions):
                for klass in alphabets[positions[place]]:
                    followers.setdefault(klass, []).append(index)
        found = {}
        for klass, who in followers.items():
            state = (place + 1, tuple(who))
            if state not in numbers:
                numbers[state] = len(queue)
                queue.append(state)
            found[klass] = numbers[state]
        moves.append(found)
        ends.append(tuple(patterns[i] for i in alive if len(patterns[i][1].positions) == place))
    return tuple(moves), tuple(ends)
