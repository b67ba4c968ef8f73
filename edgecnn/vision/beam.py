"""CTC prefix beam search over the grammars of serial numbers, and the score of a given string.

Graves et al., "Connectionist Temporal Classification", ICML 2006, section 4.1, for the forward
algorithm; Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", 2014, arXiv:1408.2873, for the search. Its prefixes stand on the
automaton of `edgecnn.vision.lattice`, so that every prefix can still become a serial.

A look-alike counts for a character with a share of its probability (an O among digits is a 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.lattice import Lattice, lattice_of

FLOOR = 1e-3
"""A class is tried where it has this share of its alphabet's best, and of the blank."""


_RESCALED = 4
"""Columns after which the forward algorithm rescales, against underflow."""


@dataclass(frozen=True)
class Hypothesis:
    """A text that the columns may say."""

    text: str
    """Canonical form of a serial; raw shapes where there was no grammar."""
    currency: str
    """Empty where there was no grammar."""
    log_probability: float
    """Nats, of the text given the columns, summed over the alignments that the beam kept."""


class _Prefix:
    """A node of the tree of prefixes."""

    __slots__ = ("children", "last", "parent", "state")

    def __init__(self, parent: _Prefix | None, last: int, state: int) -> None:
        self.parent = parent
        self.last = last
        self.state = state
        self.children: dict[int, _Prefix] = {}

    def classes(self) -> list[int]:
        """Return the classes from the first character to this one."""
        out = []
        node: _Prefix = self
        while node.parent is not None:
            out.append(node.last)
            node = node.parent
        return out[::-1]


_Beam = dict[_Prefix, tuple[float, float]]
"""Probability of each prefix, ending in a blank and in its last character, up to a common scale."""


@dataclass(frozen=True)
class _Column:
    """A column in which something may stand, and the run of blanks before it."""

    after_blanks: bool
    row: list[float]
    """Probability of each class, look-alikes folded in."""
    candidates: list[int]
    """Classes worth trying, the likeliest first."""


_Grown = tuple[float, _Prefix, int, float, float]
"""Probability of a prefix with a class behind it (0: with none), of it and by its ending."""


def beam_search(
    log_p: NDArray[np.float32], charset: str, currencies: tuple[str, ...],
    width: int = 12, keep: int = 6,
) -> tuple[Hypothesis, ...]:  # fmt: skip
    """Find the likeliest texts that a grammar accepts.

    Args:
        log_p: (T, 1 + len(charset)) log-probabilities; class 0 is the blank.
        charset: the characters of classes 1, 2, ...
        currencies: whose grammars may explain the columns; none: any string of shapes.
        width: prefixes kept from column to column.
        keep: hypotheses returned at most.

    Returns:
        The best first; nothing where no serial fits, or where a column is not a number.
    """
    lattice = lattice_of(charset, currencies)
    if log_p.shape[0] == 0 or lattice.classes.size == 0 or np.isnan(log_p).any():
        return ()
    columns, scale = _columns(log_p, lattice)
    beam: _Beam = {_Prefix(None, 0, 0): (1.0, 0.0)}
    for column in columns:
        beam = _advance(beam, column, lattice, width)
        best = max((b + n for b, n in beam.values()), default=0.0)
        if best <= 0:
            return ()
        scale += float(np.log(best))
        beam = {node: (b / best, n / best) for node, (b, n) in beam.items()}
    return _finish(beam, scale, charset, lattice, keep)


def _columns(log_p: NDArray[np.float32], lattice: Lattice) -> tuple[list[_Column], float]:
    """Return the columns in which something may stand, and the log-probability of the others.

    A reader's columns are peaky: half of them are blank beyond doubt, and cost nothing here.
    """
    p = np.exp(log_p.astype(np.float64))
    blank = FLOOR * p[:, :1]
    busy = np.flatnonzero((p[:, lattice.classes] >= blank).any(1))
    rows = p[busy] @ lattice.fold
    of_alphabets = rows[:, lattice.classes]
    best = np.maximum.reduceat(of_alphabets, lattice.starts, axis=1)
    floor = np.maximum(FLOOR * best[:, lattice.alphabet], blank[busy])
    chosen = np.zeros(rows.shape, bool)
    where, which = np.nonzero(of_alphabets >= floor)
    chosen[where, lattice.classes[which]] = True
    order = np.where(chosen, -rows, 1.0).argsort(1, kind="stable").tolist()
    counts = chosen.sum(1).tolist()
    gaps = (np.diff(busy, prepend=-1) > 1).tolist()
    parts = zip(gaps, rows.tolist(), order, counts, strict=True)
    quiet = np.delete(log_p[:, 0], busy)
    columns = [_Column(gap, row, tried[:count]) for gap, row, tried, count in parts]
    return columns, float(quiet.sum(dtype=np.float64))


def _advance(beam: _Beam, column: _Column, lattice: Lattice, width: int) -> _Beam:
    """Extend every prefix by a column."""
    row, blank = column.row, column.row[0]
    if column.after_blanks:
        beam = {node: (b + n, 0.0) for node, (b, n) in beam.items()}
    tried = set(column.candidates)
    grown: list[_Grown] = []
    least = np.inf
    for node, (b, n) in beam.items():
        ends_blank, ends_self = (b + n) * blank, n * row[node.last]
        least = min(least, ends_blank + ends_self)
        before = beam.get(node.parent) if node.last in tried and node.parent else None
        if before is not None and node.parent is not None:
            # The same character again needs a blank between.
            same = node.last == node.parent.last
            ends_self += (before[0] if same else before[0] + before[1]) * row[node.last]
        grown.append((ends_blank + ends_self, node, 0, ends_blank, ends_self))
    # A new prefix has its whole probability from one parent, so what is below the worst of a full
    # beam cannot stay.
    cut = least if len(grown) >= width else 0.0
    for node, (b, n) in beam.items():
        moves, children, whole = lattice.moves[node.state], node.children, b + n
        for klass in column.candidates:
            if whole * row[klass] <= cut:
                break
            mass = b * row[klass] if klass == node.last else whole * row[klass]
            if mass > cut and klass in moves and children.get(klass) not in beam:
                grown.append((mass, node, klass, 0.0, mass))
    if len(grown) > width:
        grown.sort(key=itemgetter(0), reverse=True)
    return {
        _child(node, klass, lattice) if klass else node: (ends_blank, ends_self)
        for _, node, klass, ends_blank, ends_self in grown[:width]
    }


def _child(node: _Prefix, klass: int, lattice: Lattice) -> _Prefix:
    """Return a prefix with one more character; the same each time."""
    if klass not in node.children:
        node.children[klass] = _Prefix(node, klass, lattice.moves[node.state][klass])
    return node.children[klass]


def _mass(entry: tuple[_Prefix, tuple[float, float]]) -> float:
    return entry[1][0] + entry[1][1]


def _finish(
    beam: _Beam, scale: float, charset: str, lattice: Lattice, keep: int
) -> tuple[Hypothesis, ...]:
    """Name the prefixes that are whole serials."""
    found: list[Hypothesis] = []
    for node, (b, n) in sorted(beam.items(), key=_mass, reverse=True):
        named = lattice.name(node.state, "".join(charset[c - 1] for c in node.classes()))
        if named is not None:
            found.append(Hypothesis(*named, scale + float(np.log(b + n))))
        if len(found) == keep:
            break
    return tuple(found)


def text_log_probability(log_p: NDArray[np.float32], classes: Sequence[int]) -> float:
    """Return the log-probability of one string, summed over all its alignments.

    Args:
        log_p: (T, 1 + C) log-probabilities; class 0 is the blank.
        classes: the string, of classes 1, 2, ...

    Returns:
        Nats; -inf where the string cannot be, or where a column is not a number.
    """
    p = np.exp(log_p.astype(np.float64))
    return float(forward_log_probabilities(p[None], [classes])[0, 0])


def forward_log_probabilities(
    p: NDArray[np.float64], strings: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Score every string under every look by the forward algorithm.

    Args:
        p: (N, T, 1 + C) probabilities of N looks; class 0 is the blank.
        strings: K strings of classes 1, 2, ...

    Returns:
        (N, K) nats.
    """
    states, skips = alignment_states(strings, nothing=p.shape[2])
    # One more class, which never comes: that of the states behind a string's end.
    emit = np.nan_to_num(np.pad(p, ((0, 0), (0, 0), (0, 1))))[:, :, states]
    alpha = np.zeros((len(p), len(states), states.shape[1] + 2))  # two dead states in front
    alpha[:, :, 2] = 1
    logs = np.zeros((len(p), len(states), 1))
    for step in range(p.shape[1]):
        grown = alpha[:, :, 2:] + alpha[:, :, 1:-1] + skips * alpha[:, :, :-2]
        alpha[:, :, 2:] = grown * emit[:, step]
        if step % _RESCALED == _RESCALED - 1:
            top = np.maximum(alpha.max(2, keepdims=True), np.finfo(np.float64).tiny)
            alpha /= top
            logs += np.log(top)
    lengths = np.array([len(s) for s in strings], np.intp)
    row = np.arange(len(strings))
    ends = alpha[:, row, 2 * lengths + 2] + np.where(lengths, alpha[:, row, 2 * lengths + 1], 0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(ends) + logs[:, :, 0])


def alignment_states(
    strings: Sequence[Sequence[int]], nothing: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each string's states blank, character, blank, ... and which may skip a blank."""
    longest = max((len(s) for s in strings), default=0)
    states = np.full((len(strings), 2 * longest + 1), nothing, np.intp)
    for row, string in enumerate(strings):
        states[row, : 2 * len(string) + 1] = 0
        states[row, 1 : 2 * len(string) : 2] = string
    skips = np.zeros(states.shape)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, skips
