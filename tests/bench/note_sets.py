"""The pictures of the banknote benchmark with what is known of them: real notes and generated ones.

Nothing here trains or chooses anything. Pictures are read when they are needed.
"""

from __future__ import annotations

import csv
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from note_corrections import ALSO_THERE, WRONG
from numpy.typing import NDArray

from edgecnn.data.images import read_image
from edgecnn.vision.boxes import Boxes
from edgecnn.vision.quads import Quads, box_quads

Image = NDArray[np.uint8]
LABELS = "_annotations.coco.json"


@dataclass(frozen=True, eq=False)
class TrueNote:
    """A note in a picture."""

    currency: str
    serial: str
    """Canonical form; ``?`` stands for a letter that was not transcribed."""
    places: Quads
    """(N, 4, 2) where its serials stand, as far as the labels say; upright boxes where only those
    are known."""
    quad: NDArray[np.float32] | None = None
    """(4, 2) of the note itself, where known."""
    counted: bool = True
    """Otherwise no miss if not read and no mistake if read: a specimen's number, say."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture of notes, or of none."""

    name: str
    read: Callable[[], Image]
    notes: tuple[TrueNote, ...] = ()


def real_scenes(
    folder: Path, currency: str, backs: bool = False, as_given: bool = False
) -> list[Scene]:
    """Return the labelled pictures of one currency, by name.

    Args:
        folder: with pictures and labels.csv, as banknotes/ of EDGECNN_DATA.
        currency: ISO 4217 code.
        backs: those whose serial is empty instead of the others.
        as_given: without the corrections of note_corrections.py.
    """
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["currency"] == currency]
    found: dict[str, list[TrueNote]] = {}
    for row in rows:
        notes = found.setdefault(row["file"], [])
        if row["serial"]:
            notes.append(_real_note(row, as_given))
    for name, others in ({} if as_given else ALSO_THERE).items():
        if name in found:
            found[name] += [TrueNote(currency, s, _NOWHERE, counted=False) for s in others]
    return [
        Scene(name, _reader(folder / name), tuple(notes))
        for name, notes in sorted(found.items())
        if bool(notes) != backs
    ]


_NOWHERE: Quads = np.zeros((0, 4, 2), np.float32)


def _real_note(row: dict[str, str], as_given: bool) -> TrueNote:
    right = None if as_given else WRONG.get((row["file"], row["serial"]))
    if right is not None:
        return TrueNote(row["currency"], right, _NOWHERE)
    quads = [np.reshape(q, (4, 2)) for q in json.loads(row["quads"] or "[]")]
    boxes = np.reshape(json.loads(row["boxes"] or "[]"), (-1, 4)).astype(np.float32)
    corners: Boxes = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)
    places = np.array(quads, np.float32).reshape(-1, 4, 2)
    return TrueNote(
        row["currency"], row["serial"], np.concatenate((places, box_quads(corners))),
        counted="specimen" not in row["note"],
    )  # fmt: skip


def generated_scenes(folder: Path) -> list[Scene]:
    """Return what ``edgecnn data synth notes -o FOLDER`` wrote, in its order.

    Its COCO annotations have two keys more: ``currency`` and ``text``, the serial in canonical
    form; those of serials have a third, ``note``, the id of the note's annotation. A note without
    a text has no serial to read; one with a text and no serials hides them, and does not count.
    """
    path = next(iter((*sorted(folder.rglob(LABELS)), folder / LABELS)))
    content = json.loads(path.read_bytes())
    kinds = {c["id"]: c["name"] for c in content["categories"]}
    serials: dict[int, list[Any]] = {}
    notes: dict[int, list[Any]] = {}
    for label in content["annotations"]:
        if kinds[label["category_id"]] == "serial":
            serials.setdefault(label["note"], []).append(label)
        else:
            notes.setdefault(label["image_id"], []).append(label)
    return [
        Scene(
            image["file_name"], _reader(path.parent / image["file_name"]),
            tuple(_generated_note(n, serials.get(n["id"], ())) for n in notes.get(image["id"], ())
                  if n["text"]),
        )
        for image in content["images"]
    ]  # fmt: skip


def _generated_note(label: Any, serials: Iterable[Any]) -> TrueNote:
    quads = [np.reshape(s["segmentation"][0], (4, 2)) for s in serials]
    return TrueNote(
        label["currency"], label["text"], np.array(quads, np.float32).reshape(-1, 4, 2),
        np.reshape(label["segmentation"][0], (4, 2)).astype(np.float32), counted=bool(quads),
    )  # fmt: skip


def scenes_without_notes(archive: Path) -> list[Scene]:
    """Return the pictures of a tar file, by name; no note is on any."""

    def reader(name: str) -> Callable[[], Image]:
        def read() -> Image:
            with tarfile.open(archive) as file:
                member = file.extractfile(name)
                assert member is not None
                data = np.frombuffer(member.read(), np.uint8)
            return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

        return read

    with tarfile.open(archive) as file:
        names = sorted(m.name for m in file.getmembers() if m.isfile())
    return [Scene(name, reader(name)) for name in names]


def evenly(scenes: Sequence[Scene], limit: int | None) -> list[Scene]:
    """Return at most so many scenes, evenly chosen; None for all.

    Each a place farther than a plain step would be, round and round: generated scenes show the
    currencies in turn, and every twenty-fifth is of the same one.
    """
    if limit is None or limit >= len(scenes):
        return list(scenes)
    step = len(scenes) // limit
    return [scenes[i * len(scenes) // limit + i % step] for i in range(limit)]


def _reader(path: Path) -> Callable[[], Image]:
    return lambda: read_image(path)
