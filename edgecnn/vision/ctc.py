"""Decodes the columns of a CTC reader into a serial number that a grammar accepts.

Graves et al., "Connectionist Temporal Classification", ICML 2006. The best path is taken first,
then with look-alikes repaired by position; where no grammar accepts that, the best path through the
grammars (Viterbi over their positions).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.serials import (
    GRAMMARS,
    LOOKALIKES,
    Pattern,
    from_glyphs,
    parse,
    snap,
    to_glyphs,
)

LENGTH_SLACK = 2
"""A grammar may explain a best path that is this many characters longer or shorter."""

LOOKALIKE_PENALTY = float(np.log(0.8))
"""What a look-alike costs against the character's own shape."""

_FAR = np.float32(-1e9)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class SerialReading:
    """A serial read from one picture."""

    text: str
    """Canonical form."""
    confidence: float
    """Product of the characters' probabilities, each at its clearest column; 0..1."""
    currency: str

    @property
    def decision(self) -> str:
        """What a replay must find again."""
        return self.text


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)


def best_path(log_probabilities: Array, charset: str) -> tuple[str, float]:
    """Collapse the most likely class of each column.

    Args:
        log_probabilities: (T, 1 + len(charset)); class 0 is the blank.
        charset: the characters of classes 1, 2, ...

    Returns:
        The characters, and the product of their peak probabilities (1.0 for an empty string).
    """
    classes = log_probabilities.argmax(1)
    peaks = log_probabilities[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.concatenate(([True], classes[1:] != classes[:-1])))
    run_peak = np.maximum.reduceat(peaks, starts)
    run_class = classes[starts]
    kept = run_class > 0
    text = "".join(charset[c - 1] for c in run_class[kept])
    return text, float(np.exp(run_peak[kept].sum()))


def decode_serial(
    logits: Array, charset: str, currencies: tuple[str, ...], min_confidence: float
) -> SerialReading | None:
    """Read one serial.

    Args:
        logits: (T, 1 + len(charset)) raw network output.
        charset: the characters of classes 1, 2, ...
        currencies: currencies whose grammars may explain the picture.
        min_confidence: below this nothing is returned.

    Returns:
        The reading, or None where there is nothing that a grammar explains well enough.
    """
    log_p = log_softmax(logits)
    glyphs, confidence = best_path(log_p, charset)
    if not glyphs:
        return None
    reading = parse(glyphs, currencies) or snap(glyphs, currencies, LOOKALIKES)
    if reading is not None:
        sure = confidence * float(np.exp(LOOKALIKE_PENALTY * reading.repairs))
        found = SerialReading(reading.text, sure, reading.currency)
    else:
        constrained = _constrained(log_p, len(glyphs), _lattice(charset, currencies))
        if constrained is None:
            return None
        found = constrained
    return found if found.confidence >= min_confidence else None


@dataclass(frozen=True)
class _Alphabet:
    """What may stand at a position: shapes, and the character that each means there."""

    classes: NDArray[np.intp]
    """Network output of each shape: the characters' own, then their look-alikes'."""
    means: str
    """The character of each shape."""
    identity: NDArray[np.intp]
    """The class of the character that each shape means."""
    penalty: Array
    """Added to the log-probability of each shape: 0 for a character's own."""


@dataclass(frozen=True)
class _Lattice:
    """The patterns of several grammars as one batch of position alphabets."""

    patterns: tuple[tuple[str, Pattern], ...]
    alphabets: tuple[_Alphabet, ...]
    """Distinct ones."""
    position_alphabet: NDArray[np.intp]
    """(patterns, longest): which alphabet each position takes; 0 where there is no position."""
    lengths: NDArray[np.intp]


def _alphabet(allowed: str, class_of: dict[str, int]) -> _Alphabet:
    own = [g for g in to_glyphs(allowed) if g in class_of]
    shapes = [(g, g) for g in own]
    shapes += [
        (like, g)
        for g in own
        for like in LOOKALIKES.get(g, "")
        if like in class_of and like not in own
    ]
    return _Alphabet(
        classes=np.array([class_of[shape] for shape, _ in shapes], np.intp),
        means="".join(g for _, g in shapes),
        identity=np.array([class_of[g] for _, g in shapes], np.intp),
        penalty=np.array([0 if s == g else LOOKALIKE_PENALTY for s, g in shapes], np.float32),
    )


@lru_cache(maxsize=8)
def _lattice(charset: str, currencies: tuple[str, ...]) -> _Lattice:
    class_of = {c: i + 1 for i, c in enumerate(charset)}
    patterns = tuple(
        (c, p)
        for c in currencies
        for p in GRAMMARS[c].patterns
        if all(set(to_glyphs(a)) & set(charset) for a in p.positions)
    )
    distinct = list(dict.fromkeys(a for _, p in patterns for a in p.positions))
    longest = max((len(p.positions) for _, p in patterns), default=0)
    position_alphabet = np.zeros((len(patterns), longest), np.intp)
    for row, (_, pattern) in enumerate(patterns):
        position_alphabet[row, : len(pattern.positions)] = [
            distinct.index(a) for a in pattern.positions
        ]
    lengths = np.array([len(p.positions) for _, p in patterns], np.intp)
    alphabets = tuple(_alphabet(a, class_of) for a in distinct)
    return _Lattice(patterns, alphabets, position_alphabet, lengths)


def _constrained(log_p: Array, length: int, lattice: _Lattice) -> SerialReading | None:
    """Return the likeliest path's serial, if its length is near ``length``.

    A path may change its mind about a character between columns; the character is then the one
    that all its columns together make likeliest. On clear print that is the most likely serial.
    """
    if not lattice.patterns:
        return None
    near = np.flatnonzero(np.abs(lattice.lengths - length) <= LENGTH_SLACK)
    if not near.size:
        return None
    chosen = [log_p[:, a.classes] + a.penalty for a in lattice.alphabets]
    best = np.stack([c.max(1) for c in chosen], 1)
    which = np.stack(
        [a.identity[c.argmax(1)] for a, c in zip(lattice.alphabets, chosen, strict=True)], 1
    )
    rows = lattice.position_alphabet[near]
    scores, back = _viterbi(log_p[:, 0], best[:, rows], which[:, rows])
    ends = 2 * lattice.lengths[near]
    index = np.arange(near.size)
    last, before = scores[index, ends], scores[index, ends - 1]
    final = np.maximum(last, before)
    for winner in np.argsort(-final):
        if final[winner] <= _FAR / 2:
            return None
        state = int(ends[winner]) - int(last[winner] < before[winner])
        path = _path(back[:, winner], state)
        glyphs, confidence = _spell(log_p, path, int(near[winner]), lattice)
        currency, pattern = lattice.patterns[near[winner]]
        text = from_glyphs(glyphs, currency)
        if pattern.accepts(text):
            return SerialReading(text, confidence, currency)
    return None


def _viterbi(blank: Array, best: Array, which: NDArray[np.intp]) -> tuple[Array, NDArray[np.int8]]:
    """Score the states blank, position 0, blank, position 1, ... of each pattern.

    Args:
        blank: (T,) log-probability of the blank.
        best: (T, P, L) best log-probability of each position's alphabet.
        which: (T, P, L) the class that reaches it.

    Returns:
        Final scores (P, 2 L + 1), and for each column how many states back each came from.
    """
    columns, patterns, length = best.shape
    states = 2 * length + 1
    emit = np.broadcast_to(blank[:, None, None], (columns, patterns, states)).copy()
    emit[:, :, 1::2] = best
    score = np.full((patterns, states + 2), _FAR, np.float32)  # two dead states in front
    score[:, 2:4] = emit[0, :, :2]
    back = np.zeros((columns, patterns, states), np.int8)
    skip = np.full((patterns, states), _FAR, np.float32)
    for t in range(1, columns):
        # From one position straight to the next, unless both would be the same character.
        differs = which[t, :, 1:] != which[t - 1, :, :-1]
        skip[:, 3::2] = np.where(differs, score[:, 3 : states - 1 : 2], _FAR)
        options = np.stack((score[:, 2:], score[:, 1:-1], skip))
        back[t] = options.argmax(0)
        score[:, 2:] = options.max(0) + emit[t]
    return score[:, 2:], back


def _path(back: NDArray[np.int8], state: int) -> NDArray[np.intp]:
    """Follow a path back from its last state; returns the state of each column."""
    path = np.empty(len(back), np.intp)
    for t in range(len(back) - 1, -1, -1):
        path[t] = state
        state -= int(back[t, state])
    return path


def _spell(log_p: Array, path: NDArray[np.intp], row: int, lattice: _Lattice) -> tuple[str, float]:
    """Name each position by its columns together; returns shapes and confidence."""
    glyphs, total = [], 0.0
    for place in range(int(lattice.lengths[row])):
        alphabet = lattice.alphabets[lattice.position_alphabet[row, place]]
        columns = log_p[path == 2 * place + 1][:, alphabet.classes] + alphabet.penalty
        pick = int(columns.sum(0).argmax())
        glyphs.append(alphabet.means[pick])
        total += float(columns[:, pick].max())
    return "".join(glyphs), float(np.exp(total))
