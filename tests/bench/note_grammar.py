"""Makes serials of the text that a general OCR engine found, in the engine's favour.

Every text, and every run of two or three neighbours on a line, joined both ways round (an engine
that turns the text of a note upside down still lists its boxes as they lie in the picture), goes
through `edgecnn.vision.serials.snap`, which knows the grammars of all five currencies and takes
look-alikes for what the grammar wants. What fits is a serial. Where two share a text, the one with
fewer repairs stays, then the longer (AA 0000000 is a rouble's until the A behind it makes it a
won's), then the surer. All that stay count as emitted; the tables have a row for
those, too, that needed no repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from note_rivals import TextBox
from numpy.typing import NDArray

from edgecnn.vision.serials import Reading, snap

GAP = 2.5
"""Heights of the text: the widest space between neighbours, as between KRW's letters and digits."""
LONGEST = 3
"""Texts in a run."""


@dataclass(frozen=True)
class Candidate:
    """A serial that some texts may be read as."""

    reading: Reading
    parts: tuple[int, ...]
    """Indices of the texts."""
    score: float
    """0..1, of the least sure part."""


def serials(boxes: Sequence[TextBox]) -> list[Candidate]:
    """Return the serials of one picture, no text used twice."""
    found = []
    for parts in runs(boxes):
        for order in {parts, parts[::-1]}:
            reading = snap("".join(boxes[i].text for i in order))
            if reading is not None:
                found.append(Candidate(reading, order, min(boxes[i].score for i in order)))
    found.sort(key=lambda c: (c.reading.repairs, -len(c.reading.text), -c.score))
    kept: list[Candidate] = []
    for candidate in found:
        if not any(set(candidate.parts) & set(other.parts) for other in kept):
            kept.append(candidate)
    return kept


def texts(boxes: Sequence[TextBox]) -> list[str]:
    """Return the texts and runs as read, without spaces and punctuation, in capitals."""
    joined = ["".join(boxes[i].text for i in run) for run in runs(boxes)]
    return ["".join(c for c in text if c.isalnum() or c == "*").upper() for text in joined]


def runs(boxes: Sequence[TextBox]) -> Iterator[tuple[int, ...]]:
    """Yield each text alone, and each run of neighbours."""
    after = followers(boxes)
    pending: list[tuple[int, ...]] = [(i,) for i in range(len(boxes))]
    while pending:
        run = pending.pop()
        yield run
        if len(run) < LONGEST:
            pending += [(*run, j) for j in after[run[-1]] if j not in run]


def followers(boxes: Sequence[TextBox]) -> list[list[int]]:
    """Return, per text, those that go on with its line to its right: near, level, of its size."""
    shapes = [_shape(box) for box in boxes]
    return [
        [j for j, b in enumerate(shapes) if j != i and _goes_on(a, b)] for i, a in enumerate(shapes)
    ]


@dataclass(frozen=True, eq=False)
class _Shape:
    begin: NDArray[np.float64]
    """Middle of the left edge."""
    end: NDArray[np.float64]
    along: NDArray[np.float64]
    """Unit vector."""
    height: float


def _shape(box: TextBox) -> _Shape:
    corners = np.array(box.corners, np.float64)
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    if np.hypot(*across) < np.hypot(*down) and len(box.text) > 1:
        corners = np.roll(corners, 1, axis=0)  # it runs up the picture
    begin, end = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    length = max(1e-6, float(np.hypot(*(end - begin))))
    return _Shape(begin, end, (end - begin) / length, float(np.hypot(*(corners[3] - corners[0]))))


def _goes_on(a: _Shape, b: _Shape) -> bool:
    height = max(a.height, b.height)
    gap = b.begin - a.end
    along = float(gap @ a.along)
    off = abs(float(gap[0] * a.along[1] - gap[1] * a.along[0]))
    level = float(a.along @ b.along) > np.cos(np.radians(20))
    alike = height < 2.2 * min(a.height, b.height)
    return level and alike and -0.7 * height < along < GAP * height and off < 0.5 * height
