"""Writes generated scenes of notes to disk as a COCO set, whole or not at all."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.notes.designs import DESIGNS
from edgecnn.data.synth.notes.scene import NoteProfile, SceneGenerator, SceneNote
from edgecnn.errors import DataError
from edgecnn.files import new_folder

LABELS = "_annotations.coco.json"
CLASSES = ("note", "serial")
_QUALITY = 96
"""Of the JPEG files."""


def default_notes() -> NoteProfile:
    """Return the profile for the fonts at hand.

    Without matplotlib only Pillow's own font is there; it has no Cyrillic, so RUB is left out.
    """
    if importlib.util.find_spec("matplotlib") is not None:
        return NoteProfile()
    latin = tuple(c for c in DESIGNS if c != "RUB")
    return NoteProfile(fonts=("pillow:default",), currencies=latin)


def write_notes(
    folder: Path, number: int, seed: int, profile: NoteProfile,
    progress: Callable[[int, int], None] = lambda done, total: None, workers: int = 1,
) -> int:  # fmt: skip
    """Write ``number`` pictures (JPEG) and a COCO json, and return how many.

    A note's and a serial's ``segmentation`` is its four corners, from its own top-left one
    clockwise. Beside COCO's keys an annotation has ``currency`` and ``text`` (of its note; empty
    on a back), and a serial has ``note``, the id of its note's annotation.

    Args:
        folder: must not exist, or be empty.
        number: how many.
        seed: of the generator; equal seeds, equal pictures.
        profile: what they look like.
        progress: is told how many of how many are done.
        workers: processes that draw; their number changes nothing in the pictures.

    Raises:
        InputError: the folder holds something.
    """
    SceneGenerator(profile, seed)  # what is wrong with the profile is said before anything else
    images: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    with new_folder(folder) as temporary:
        draw = partial(_draw, temporary, profile, seed)
        for index, scene in enumerate(_each(draw, number, workers)):
            width, height = scene.size
            images.append({"id": index, "file_name": scene.name, "width": width, "height": height})
            labels += _annotations(scene, index, len(labels))
            progress(index + 1, number)
        content = {"images": images, "annotations": labels,
                   "categories": [{"id": i, "name": c} for i, c in enumerate(CLASSES)]}  # fmt: skip
        (temporary / LABELS).write_text(json.dumps(content) + "\n", encoding="utf-8")
    return number


@dataclass(frozen=True, eq=False)
class _Written:
    """A scene whose picture is on the disk."""

    name: str
    size: tuple[int, int]
    """Width and height."""
    notes: tuple[SceneNote, ...]


@lru_cache(maxsize=1)
def _generator(profile: NoteProfile, seed: int) -> SceneGenerator:
    cv2.setNumThreads(1)  # many small calls: more threads cost more than they bring
    return SceneGenerator(profile, seed)


def _draw(folder: Path, profile: NoteProfile, seed: int, index: int) -> _Written:
    scene = _generator(profile, seed)(index)
    name = f"{index:06d}.jpg"
    _write_jpeg(folder / name, scene.image)
    height, width = scene.image.shape[:2]
    return _Written(name, (width, height), scene.notes)


def _each(draw: Callable[[int], _Written], number: int, workers: int) -> Iterator[_Written]:
    if workers <= 1:
        yield from map(draw, range(number))
        return
    # A forked child inherits OpenCV's locks and hangs.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, range(number), chunksize=4)


def _annotations(scene: _Written, image: int, first: int) -> list[dict[str, object]]:
    width, height = scene.size
    rows: list[dict[str, object]] = []
    for note in scene.notes:
        own = {"currency": note.currency, "text": note.text}
        given = first + len(rows)
        rows.append({"id": given, "image_id": image, "category_id": 0, **own,
                     **_place(note.quad, width, height)})  # fmt: skip
        for quad in note.serials:
            rows.append({"id": first + len(rows), "image_id": image, "category_id": 1, **own,
                         "note": given, **_place(quad, width, height)})  # fmt: skip
    return rows


def _place(quad: NDArray[np.float32], width: int, height: int) -> dict[str, object]:
    """Return COCO's keys of a quad; the upright box is what of it lies in the picture."""
    low = np.clip(quad.min(0), 0, (width, height)).round(2)
    high = np.clip(quad.max(0), 0, (width, height)).round(2)
    (x1, y1), (x2, y2) = low.tolist(), high.tolist()
    return {"bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
            "segmentation": [quad.round(2).ravel().tolist()],
            "area": round(float(cv2.contourArea(quad)), 2), "iscrowd": 0}  # fmt: skip


def _write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    if not cv2.imwrite(str(path), image, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)):
        raise DataError(f"{path}: cannot be written: is the disk full?")
