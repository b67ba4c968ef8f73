"""Draws the pictures with faults on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.check import box_faults
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

_TILE = 240
_CAPTION = 32
_MOST = 64
_RED, _GREEN, _INK, _PAPER = (0, 0, 255), (0, 160, 0), (0, 0, 0), (255, 255, 255)


def fault_sheet(datasets: Sequence[Dataset], faults: Sequence[Fault]) -> NDArray[np.uint8] | None:
    """Draw the first 64 samples with a fault, each with its name, faults and boxes.

    Boxes with a fault are red, the others green. Faults of other files than a sample's, such as a
    reader's, have no picture.

    Returns:
        (H, W, 3) BGR; None where no fault belongs to a sample.
    """
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(fault.file, []).append(fault.kind)
    faulty = [s for d in datasets for s in d.samples if s.name in kinds][:_MOST]
    if not faulty:
        return None
    tiles = [_tile(sample, kinds[sample.name]) for sample in faulty]
    columns = math.ceil(math.sqrt(len(tiles)))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(sample: Sample, kinds: Sequence[str]) -> NDArray[np.uint8]:
    tile = np.full((_TILE + _CAPTION, _TILE, 3), 255, np.uint8)
    for line, text in enumerate((sample.name[-36:], ", ".join(dict.fromkeys(kinds)))):
        place = (4, _TILE + 13 + 14 * line)
        cv2.putText(tile, text, place, cv2.FONT_HERSHEY_PLAIN, 0.75, _INK, 1, cv2.LINE_AA)
    try:
        image = sample.read()
    except DataError:
        return tile
    picture = _with_boxes(sample, image)
    tile[: picture.shape[0], : picture.shape[1]] = picture
    return tile


def _with_boxes(sample: Sample, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture, small enough for a tile, with its boxes."""
    height, width = image.shape[:2]
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    picture = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR) if small.ndim == 2 else small
    bad = {fault.index for fault in box_faults(sample, width, height)}
    for index, box in enumerate(np.nan_to_num(sample.boxes, posinf=0, neginf=0) * scale):
        # Pushed to the edge, what lies outside can still be seen.
        x1, y1, x2, y2 = (int(v) for v in np.clip(box.round(), 0, _TILE - 2))
        cv2.rectangle(picture, (x1, y1), (x2, y2), _RED if index in bad else _GREEN, 1)
        if index in bad:
            cv2.circle(picture, (x1, y1), 8, _RED, 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)
