"""Scores what a reader said of pictures of notes, the same way for every reader.

Exact: the note's serial is among those emitted for the picture. Wrong: emitted, and no serial of
the picture; each text counts once. Abstained: a note that is neither exact nor spoiled by a wrong
serial. Clean: exact, and nothing wrong was said of the picture: a reader that offers every text it
finds may give a right and a wrong serial of one note. Letter case counts nowhere, nor does script:
a Latin A for a Cyrillic one is right.

Character errors are those of the nearest text that was read on the picture, emitted or not, at
most the serial's length: the same kindness to a reader of one box and to a reader of fifty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from note_sets import Scene
from numpy.typing import NDArray

from edgecnn.data.scoring import UNKNOWN, same_serial, wilson_interval
from edgecnn.vision.serials import GRAMMARS, to_glyphs

View = Callable[[str], str]
"""The part of a serial that is scored."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a reader said of one picture."""

    emitted: tuple[str, ...]
    texts: tuple[str, ...]
    """All that was read, emitted or not."""
    ms: float | None
    """Wall time; None where it was not measured in this run."""
    quads: tuple[NDArray[np.float32], ...] = ()
    """Where notes were found."""
    unrepaired: tuple[str, ...] | None = None
    """Those emitted that are as the engine wrote them; None where nothing is repaired."""


@dataclass(frozen=True)
class NoteScore:
    """How one note was read."""

    label: str
    currency: str
    right: bool
    errors: int


@dataclass(frozen=True)
class PictureScore:
    """How the notes of one picture were read."""

    name: str
    notes: tuple[NoteScore, ...]
    wrong: tuple[str, ...]
    ms: float | None

    @property
    def abstained(self) -> int:
        """Notes of which nothing was said."""
        return max(0, sum(not n.right for n in self.notes) - len(self.wrong))


@dataclass(frozen=True)
class SetScore:
    """How a set was read."""

    pictures: int
    notes: int
    exact: int
    clean: int
    """Exact in a picture of which nothing wrong was said as well."""
    low: float
    high: float
    """95 % interval of the share that is exact, 0..1."""
    clusters: int
    """Physical notes, where some are in several pictures: the interval is over them. Else 0."""
    abstained: int
    wrong: int
    """Serials emitted that are none of the picture's."""
    wrong_pictures: int
    """Pictures with one."""
    errors: float
    """Character error rate, 0..1."""
    ms: float | None
    """Median of a picture, of those measured in this run."""
    measured: int


def whole(serial: str) -> str:
    """Score all of a serial."""
    return serial


def rub_letters(serial: str) -> str:
    """Score the two letters before a rouble's number."""
    return serial[:2]


def rub_digits(serial: str) -> str:
    """Score a rouble's number without its letters."""
    return serial[2:]


def judge(scene: Scene, answer: Answer, view: View = whole) -> PictureScore:
    """Score one picture."""
    labels = [_fold(view(n.serial)) for n in scene.notes]
    emitted = {_fold(view(text)): text for text in answer.emitted}
    texts = [_fold(view(text)) for text in (*answer.emitted, *answer.texts)]
    notes = tuple(
        NoteScore(
            note.serial, note.currency, any(same_serial(t, label) for t in emitted),
            min([len(label), *(distance(t, label) for t in texts)]),
        )
        for note, label in zip(scene.notes, labels, strict=True)
        if note.counted and set(label) != {UNKNOWN}
    )  # fmt: skip
    wrong = tuple(
        said for text, said in emitted.items() if not any(same_serial(text, k) for k in labels)
    )
    return PictureScore(scene.name, notes, wrong, answer.ms)


def printed_digits(scene: Scene, answer: Answer) -> PictureScore:
    """Score whether the number of a rouble stands in any text, emitted or not, of any length.

    A reader without Cyrillic letters emits no valid serial and may have read the digits.
    """
    found = {run for text in answer.texts for run in re.findall(r"\d{7,}", text)}
    texts = tuple(UNKNOWN * 2 + run for run in found)
    score = judge(scene, replace(answer, emitted=texts, texts=()), rub_digits)
    return replace(score, wrong=())


def _fold(text: str) -> str:
    return to_glyphs(text.upper())


def distance(text: str, label: str) -> int:
    """Return Levenshtein's distance; ``?`` in the label is any one character."""
    above = list(range(len(label) + 1))
    for i, a in enumerate(text, 1):
        row = [i]
        for j, b in enumerate(label, 1):
            change = above[j - 1] + (b not in (UNKNOWN, a))
            row.append(min(above[j] + 1, row[-1] + 1, change))
        above = row
    return above[-1]


def of_currency(pictures: Sequence[PictureScore], currency: str) -> list[PictureScore]:
    """Return the pictures with notes of one currency, without what belongs to others.

    A wrong serial belongs to the currency whose grammar it satisfies.
    """
    return [
        replace(
            p, notes=tuple(n for n in p.notes if n.currency == currency),
            wrong=tuple(w for w in p.wrong if GRAMMARS[currency].match(w)),
        )
        for p in pictures if any(n.currency == currency for n in p.notes)
    ]  # fmt: skip


def summarize(pictures: Sequence[PictureScore], view: View = whole) -> SetScore:
    """Add up pictures."""
    notes = [n for p in pictures for n in p.notes]
    right = sum(n.right for n in notes)
    clean = sum(n.right for p in pictures if not p.wrong for n in p.notes)
    groups = {n.label for n in notes}
    clustered = len(groups) < len(notes)
    low, high = cluster_interval(notes) if clustered else wilson_interval(right, len(notes))
    times = [p.ms for p in pictures if p.ms is not None]
    characters = sum(len(view(n.label)) for n in notes)
    return SetScore(
        len(pictures), len(notes), right, clean, low, high, len(groups) if clustered else 0,
        sum(p.abstained for p in pictures), sum(len(p.wrong) for p in pictures),
        sum(bool(p.wrong) for p in pictures),
        sum(n.errors for n in notes) / max(1, characters),
        float(np.median(times)) if times else None, len(times),
    )  # fmt: skip


def cluster_interval(
    notes: Sequence[NoteScore], rounds: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the share read right, by drawing physical notes with replacement.

    Percentiles of the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, section 3.8). With few notes it is too narrow; where all pictures were
    read, or none, it would have no width, and it is Wilson's of as many trials as there are notes.
    """
    labels = sorted({n.label for n in notes})
    counts = np.array([sum(n.label == k for n in notes) for k in labels])
    hits = np.array([sum(n.right for n in notes if n.label == k) for k in labels])
    if hits.sum() in {0, counts.sum()}:
        return wilson_interval(len(labels) if hits.any() else 0, len(labels))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(labels), size=(rounds, len(labels)))
    shares = hits[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)
