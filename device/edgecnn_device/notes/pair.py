"""Tells which serial number stands on which note.

A note has one print or two. They stand along its edges, within it, but a box of a note may be too
small for them. Where notes overlap, a print within several of them belongs to the one that another
print of the same serial is on for certain, else to the one that holds most of it and lies most
nearly in its direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.quads import Quads, from_quads, quad_areas, quad_iou_matrix, to_quads

NESTED = 0.6
"""Of two finds that share more than this part of the smaller one, the better stays. Notes in a fan
share more of their corners than that, but see `SAME_NOTE`."""
SAME_NOTE = 0.9
"""The same for notes: two may lie on each other and still show a serial each."""
TOUCHING = 0.1
"""Serials that share more than this may be parts of one print."""
WITHIN = 0.5
"""Least part of a print that lies on its note, grown by `GROWN`."""
GROWN = 0.15
"""Of a note's height, on all sides: prints stand near its edges, and its box may be too small."""
MOST_TURN = np.deg2rad(20)
"""A print runs along its note, either way up, to within this: tilted, or boxed askew."""
_LONGEST = 0.75
"""A print's length as a part of its note's: none is longer."""


@dataclass(frozen=True)
class Group:
    """What belongs to one note."""

    note: int | None
    """Index of the note; None where a serial stands on none."""
    serials: tuple[int, ...]
    """Indices of the serials, in their order."""


def distinct(quads: Quads, most: float) -> tuple[int, ...]:
    """Drop what shows the same thing as a better one: near copies, and what lies in another.

    The suppression of a detector compares by intersection over union, which a box around half of
    a serial passes.

    Args:
        quads: (N, 4, 2), the best first.
        most: part of the smaller one of two that they may share.

    Returns:
        Indices of those that stay, in order.
    """
    if len(quads) < 2:
        return tuple(range(len(quads)))
    return _without(_shared(quads, quads), range(len(quads)), most)


def distinct_and_apart(quads: Quads, most: float, apart: float) -> tuple[int, ...]:
    """Drop likewise; what shares more than ``apart`` with a better one stands behind the others."""
    if len(quads) < 2:
        return tuple(range(len(quads)))
    shared = _shared(quads, quads)
    kept = _without(shared, range(len(quads)), most)
    first = _without(shared, kept, apart)
    return (*first, *(index for index in kept if index not in first))


def _without(shared: NDArray[np.float64], places: Sequence[int], most: float) -> tuple[int, ...]:
    """Return those of some places that share no more than that with a better one that stays."""
    kept: list[int] = []
    for index in places:
        if all(shared[index, better] <= most for better in kept):
            kept.append(index)
    return tuple(kept)


def pair(notes: Quads, serials: Quads, texts: Sequence[str]) -> tuple[Group, ...]:
    """Group serials by the note that they stand on.

    Args:
        notes: (N, 4, 2).
        serials: (M, 4, 2).
        texts: what each serial surely says; empty where that is not sure. Letter case is ignored.

    Returns:
        A group for every note, in order, without serials where it shows none; then one for the
        serials without a note: those that say the same make one group.
    """
    words = [text.casefold() for text in texts]
    misfit = _misfits(notes, serials)
    fitting = [np.flatnonzero(np.isfinite(misfit[:, j])).tolist() for j in range(len(serials))]
    owner = {j: own[0] for j, own in enumerate(fitting) if len(own) == 1}
    said = {(note, words[j]) for j, note in owner.items() if words[j]}
    for j, own in enumerate(fitting):
        confirmed = [i for i in own or range(len(notes)) if (i, words[j]) in said]
        if j not in owner and (confirmed or own):
            owner[j] = min(confirmed or own, key=lambda i: misfit[i, j])
    on_notes = [
        Group(i, tuple(j for j in range(len(serials)) if owner.get(j) == i))
        for i in range(len(notes))
    ]
    return (*on_notes, *_without_note([j for j in range(len(serials)) if j not in owner], words))


def _without_note(serials: list[int], words: list[str]) -> tuple[Group, ...]:
    """Group serials that no note was found around: those that say the same, else each alone."""
    groups: dict[str | int, list[int]] = {}
    for j in serials:
        groups.setdefault(words[j] or j, []).append(j)
    return tuple(Group(None, tuple(members)) for members in groups.values())


def _misfits(notes: Quads, serials: Quads) -> NDArray[np.float64]:
    """Return (N, M), 0..2, how badly a serial lies on a note; inf where it does not.

    The angle between them, either way up, as a part of `MOST_TURN`, and the part of the serial that
    the note does not hold.
    """
    out = np.full((len(notes), len(serials)), np.inf)
    if not out.size:
        return out
    note_boxes, serial_boxes = from_quads(notes), from_quads(serials)
    turn = note_boxes[:, None, 4] - serial_boxes[None, :, 4]
    angle = np.abs((turn + np.pi / 2) % np.pi - np.pi / 2)
    grown = note_boxes.copy()
    grown[:, 2:4] += 2 * GROWN * note_boxes[:, 3:4]
    # At once: numpy takes as long for a few more pairs.
    shared = _shared(np.concatenate((to_quads(grown), notes)), serials)
    on_it = shared[: len(notes)] >= WITHIN
    on_it &= quad_areas(notes)[:, None] > quad_areas(serials)[None]
    on_it &= serial_boxes[None, :, 2] <= _LONGEST * note_boxes[:, None, 2]
    on_it &= angle <= MOST_TURN
    outside = 1 - shared[len(notes) :]
    out[on_it] = (angle / MOST_TURN + outside)[on_it]
    return out


def _shared(a: Quads, b: Quads) -> NDArray[np.float64]:
    """Return (N, M) common area as a part of the smaller one's."""
    iou = quad_iou_matrix(a, b).astype(np.float64)
    areas_a, areas_b = quad_areas(a)[:, None], quad_areas(b)[None]
    common = iou * (areas_a + areas_b) / (1 + iou)
    least = np.minimum(areas_a, areas_b)
    return np.divide(common, least, out=np.zeros_like(common), where=least > 0)
