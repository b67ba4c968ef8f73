"""Banknote readings as boxes that `edgecnn_device.draw` draws."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.placement import Size
from edgecnn_device.notes.results import NoteReading
from edgecnn_device.tasks import Box

_GIVEN, _ABSTAINED, _SERIAL = 0, 1, 2
"""Each in a colour of its own."""


def as_boxes(readings: Iterable[NoteReading], size: Size) -> tuple[Box, ...]:
    """Return a box for each note, named by its serial or the reason why none is given, and prints.

    Args:
        readings: of one picture.
        size: width and height of the picture.
    """
    notes, serials = [], []
    for reading in readings:
        name = f"{reading.currency} {reading.serial}" if reading.serial else reading.reason
        kind = _ABSTAINED if reading.abstained else _GIVEN
        notes.append(_box(name, kind, reading.confidence, reading.quad, size))
        serials += [_box("serial", _SERIAL, s.confidence, s.quad, size) for s in reading.serials]
    return (*notes, *serials)


def _box(label: str, kind: int, score: float, quad: NDArray[np.float32], size: Size) -> Box:
    near, far = (np.clip(corner, 0, size).tolist() for corner in (quad.min(0), quad.max(0)))
    first, second, third, fourth = ((x, y) for x, y in quad.tolist())
    box = (near[0], near[1], far[0], far[1])
    return Box(label, kind, score, box, (first, second, third, fourth))
