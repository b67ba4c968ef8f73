"""What is lost after detection: reads generated notes whose boxes are given. Prints a table.

    edgecnn data synth notes -n 500 --seed 900 -o notes
    python tests/bench/given_boxes.py serial-reader.edge notes

The boxes are the true ones, made rectangles as a detector gives them; then off at random by parts
of a box's size, its height and an angle; then all upside down. Of each note the right serial is
given, none, or a wrong one. Loose serials are those that made a note of their own, and are shown
beside that. Nothing is chosen or trained by this.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import read_image
from edgecnn.vision.account import WHOLE, Account
from edgecnn.vision.quads import Quads, from_quads, to_quads
from edgecnn_device.notes import NoteOptions, NoteReader, reader
from edgecnn_device.notes.find import Found
from edgecnn_device.runner import open_runner

ANGLE = 0.3
"""Radians by which a box is turned per part of its size that it is off."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A labelled picture."""

    path: Path
    texts: tuple[str, ...]
    notes: Quads
    serials: Quads


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--beside", type=float, default=NoteOptions().beside)
    parser.add_argument("--anyhow", action="store_true", help="whatever a serial leaves out")
    given = parser.parse_args()
    scenes = _scenes(given.folder)
    runner = open_runner(given.bundle, given.variant)
    known: list[Found] = []
    vars(reader)["check_detector"] = lambda manifest: None
    vars(reader)["find_notes"] = lambda detector, image, rim: known.pop()
    whole = Account(np.inf, np.inf) if given.anyhow else WHOLE
    options = NoteOptions(beside=given.beside, rims=(), whole=whole)
    read = NoteReader(runner, runner, options)
    print(f"{sum(len(s.texts) for s in scenes)} notes")
    print(f"{'boxes':>12} {'right':>6} {'none':>6} {'wrong':>6} {'loose':>6}")
    for name, off, half_turns in (("true", 0, 0), ("2 % off", 0.02, 0), ("5 % off", 0.05, 0),
                                  ("10 % off", 0.1, 0), ("upside down", 0, 1)):  # fmt: skip
        counts = np.zeros(4, int)
        rng = np.random.default_rng(0)
        for scene in scenes:
            known.append(_boxes(scene, off, half_turns, rng))
            found = read(read_image(scene.path))
            on_notes = found[: len(scene.texts)]
            for text, note in zip(scene.texts, on_notes, strict=True):
                right = note.serial is not None and note.serial.casefold() == text.casefold()
                counts[0 if right else 1 if note.abstained else 2] += 1
            counts[3] += len(found) - len(on_notes)
        print(f"{name:>12} " + " ".join(f"{count:6}" for count in counts))


def _boxes(scene: Scene, off: float, half_turns: int, rng: np.random.Generator) -> Found:
    """Return what a detector might find."""
    both = []
    for quads in (scene.notes, scene.serials):
        boxes = from_quads(quads)
        boxes[:, :2] += off * rng.normal(size=(len(boxes), 2)) * boxes[:, 3:4]
        boxes[:, 2:4] *= np.exp(off * rng.normal(size=(len(boxes), 2)))
        boxes[:, 4] += ANGLE * off * rng.normal(size=len(boxes))
        both.append(np.roll(to_quads(boxes), 2 * half_turns, axis=1))
    return Found(*both)


def _scenes(folder: Path) -> list[Scene]:
    """Read what `edgecnn data synth notes` wrote."""
    data = json.loads((folder / "_annotations.coco.json").read_text(encoding="utf-8"))
    label = {c["id"]: c["name"] for c in data["categories"]}
    scenes = []
    for image in data["images"]:
        mine = [a for a in data["annotations"] if a["image_id"] == image["id"]]
        notes, serials = (
            [a for a in mine if label[a["category_id"]] == name] for name in ("note", "serial")
        )
        texts = tuple(a["text"] for a in notes)
        scenes.append(Scene(folder / image["file_name"], texts, _quads(notes), _quads(serials)))
    return scenes


def _quads(annotations: list[dict[str, list[list[float]]]]) -> NDArray[np.float32]:
    corners = [a["segmentation"][0] for a in annotations]
    return np.array(corners, np.float32).reshape(-1, 4, 2)


if __name__ == "__main__":
    main()
