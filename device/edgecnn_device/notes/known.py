"""Recognizes notes of earlier frames, so that they are not read anew in each.

To search the grammars and weigh what a print says takes longer than the networks do. Of a note
whose serial was given, one question is left: is it still that note? It is where a print on it
plainly says the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.quads import Quads, quad_iou_matrix
from edgecnn_device.notes.find import Found
from edgecnn_device.notes.pair import pair
from edgecnn_device.notes.prints import PrintReader
from edgecnn_device.notes.results import KnownNote, NoteReading

_PLACE = 0.5
"""Least intersection over union of a note's places in two frames."""


def find_again(
    image: NDArray[np.uint8], found: Found, known: Sequence[KnownNote], prints: PrintReader
) -> tuple[tuple[NoteReading, ...], Found]:
    """Find known notes among those of a picture.

    One that another overlaps is none: whose print is whose is told by what they say.

    Args:
        image: (H, W, 3) BGR.
        found: in it.
        known: of the frames before it.
        prints: reads prints.

    Returns:
        The readings of the notes that are known, and what was found beside them.
    """
    if not (known and len(found.notes) and len(found.serials)):
        return (), found
    near = quad_iou_matrix(found.notes, np.stack([note.quad for note in known]))
    near[_overlapping(found.notes)] = 0
    groups = pair(found.notes, found.serials, [""] * len(found.serials))[: len(found.notes)]
    places = [
        (i, int(near[i].argmax()), group.serials[0])
        for i, group in enumerate(groups) if group.serials and near[i].max() >= _PLACE
    ]  # fmt: skip
    says = prints.plainly_says(
        image, found.serials[[j for _, _, j in places]], [known[k].serial for _, k, _ in places]
    )
    same = [place for place, well in zip(places, says, strict=True) if well]
    readings = tuple(
        _reading(found.notes[i], found.serials[j], known[k]) for i, k, j in same
    )  # fmt: skip
    gone = [j for i, _, _ in same for j in groups[i].serials]
    others = np.delete(found.notes, [i for i, _, _ in same], axis=0)
    return readings, Found(others, np.delete(found.serials, gone, axis=0))


def _overlapping(quads: Quads) -> list[int]:
    if len(quads) < 2:
        return []
    iou = quad_iou_matrix(quads, quads)
    np.fill_diagonal(iou, 0)
    return np.flatnonzero(iou.any(1)).tolist()


def _reading(
    note: NDArray[np.float32], serial: NDArray[np.float32], known: KnownNote
) -> NoteReading:
    quad = upright(note, serial)
    return NoteReading(quad, known.currency, known.serial, known.confidence, "", (), None)


def upright(note: NDArray[np.float32], serial: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a note's quad the way up in which a serial on it reads."""
    along = (note[1] - note[0]) @ (serial[1] - serial[0])
    return note if along >= 0 else np.roll(note, 2, axis=0)
