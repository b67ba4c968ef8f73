"""Reads whole notes with the bundles of the zoo, on pictures that nothing is scored on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.images import read_image
from edgecnn.data.synth.degrade import Camera
from edgecnn.data.synth.notes.desks import DESKS
from edgecnn.data.synth.notes.scene import NoteProfile, SceneGenerator
from edgecnn.data.synth.notes.write import default_notes
from edgecnn_device.notes import NoteReader

CLEAN = Camera(blur=(0, 0.02), motion=(0, 0), noise=(0, 3), jpeg=(90, 96), shade=(0, 0.2), glare=0)


@pytest.fixture(scope="module")
def notes(zoo_bundle: Path) -> NoteReader:
    detector = zoo_bundle.with_name("note-detector.edge")
    return NoteReader.open(detector, zoo_bundle, "tflite-int8")


def test_generated_notes_are_read(notes: NoteReader) -> None:
    changes = {"camera": CLEAN, "contrast": 90, "fill": (0.8, 0.95), "wear": (0, 0.3), "hands": 0}
    profile = NoteProfile.model_validate({**default_notes().model_dump(), **changes})
    draw = SceneGenerator(profile, 71)
    right = wrong = 0
    for index in range(15):
        scene = draw(index)
        given = {r.serial.casefold() for r in notes(scene.image) if r.serial is not None}
        hit = scene.notes[0].text.casefold() in given
        right, wrong = right + hit, wrong + len(given) - hit
    assert right >= 8
    assert wrong <= 1


@pytest.mark.parametrize("desk", ["clutter", "papers", "wood"])
def test_an_empty_desk_has_no_serial(notes: NoteReader, desk: str) -> None:
    image = np.clip(DESKS[desk](720, 1280, np.random.default_rng(3)), 0, 255).astype(np.uint8)
    assert [r.serial for r in notes(image) if r.serial is not None] == []


def test_real_dollars_are_read_whole(notes: NoteReader, real_data: Path) -> None:
    scans = [real_data / "banknotes" / f"USD_{number:04d}.jpg" for number in range(1, 12)]
    seen = [path for path in scans if path.exists()]
    given = [[r.serial for r in notes(read_image(path)) if r.serial is not None] for path in seen]
    assert sum(bool(found) for found in given) >= len(seen) / 2
