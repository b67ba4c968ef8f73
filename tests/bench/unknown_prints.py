"""Whether print of currencies that the reader does not know passes for a serial. Prints a table.

    python tests/bench/unknown_prints.py serial-reader.edge [--anyhow]

Forms that no grammar has take turns, each printed at both ends of a plain grey note and cut out by
true boxes: in OpenCV's own fonts, and in those of the generator as a good camera sees them. All
that is given is wrong. --anyhow also gives what accounts for a part of its print alone. Nothing is
chosen or trained by this.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth import lines
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import default_profile
from edgecnn.vision.account import WHOLE, Account
from edgecnn.vision.serials import DIGITS, LATIN, Grammar, Pattern, parse
from edgecnn_device.notes import NoteOptions, NoteReader, reader
from edgecnn_device.notes.find import Found
from edgecnn_device.runner import open_runner

FORMS = (
    "AA 00 00 00 00 00 A", "AA 00 00 00 A AA", "A00000000000", "A 000 000 000", "AA0000000000",
    "AA 0000000000", "AA00 000000", "AA 00 000000", "AA00000000", "AA 0000 0000", "00A0000000",
    "00 A 0000000", "AAA0000000", "AAA 0000000", "A 0000000", "0 A 0000000", "AA-000-0000-A",
    "0000 0000 0000", "A00 000 000 AA", "AA 000 AA 000",
)  # fmt: skip
"""A is a letter, 0 a digit; a dash is shown in OpenCV's fonts and is a space in the others."""
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)

Image = NDArray[np.uint8]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--prints", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--anyhow", action="store_true", help="whatever a serial leaves out")
    given = parser.parse_args()
    known: list[Found] = []
    runner = open_runner(given.bundle, given.variant)
    vars(reader)["check_detector"] = lambda manifest: None
    vars(reader)["find_notes"] = lambda detector, image, rim: known[-1]
    whole = Account(np.inf, np.inf) if given.anyhow else WHOLE
    read = NoteReader(runner, runner, NoteOptions(whole=whole, closer=0, rims=()))
    print(f"OpenCV {cv2.__version__}, {given.prints} prints of each kind")
    for kind, draw in (("OpenCV's fonts", _by_opencv), ("generated", _by_generator)):
        prints, passed = 0, []
        for text, first, second in draw(given.prints, given.seed):
            if parse(text.replace(" ", "").replace("-", "")) is not None:
                continue  # by chance a serial, with other spaces
            prints += 1
            picture, found = _note((first, second))
            known.append(found)
            (note,) = read(picture)
            if note.serial is not None:
                passed.append(f"{text} as {note.currency} {note.serial}")
        print(f"{kind}: {len(passed)} of {prints} given", *passed, sep="\n    ")


def _by_opencv(number: int, seed: int) -> Iterator[tuple[str, Image, Image]]:
    """Draw as tests/device/notes/test_reader.py does, in more fonts and sizes."""
    for index in range(number):
        rng = np.random.default_rng([seed, index])
        text = _fill(FORMS[index % len(FORMS)], rng)
        font, scale = FONTS[int(rng.integers(len(FONTS)))], rng.uniform(0.8, 1.2)
        (width, height), _ = cv2.getTextSize(text, font, scale, 3)
        line = np.full((round(1.7 * height), width + height, 3), 205, np.uint8)
        thickness = int(rng.integers(2, 4))
        place = (height // 2, round(1.33 * height))
        cv2.putText(line, text, place, font, scale, (40, 40, 60), thickness, cv2.LINE_AA)
        yield text, line, line


def _by_generator(number: int, seed: int) -> Iterator[tuple[str, Image, Image]]:
    """Draw as the generator draws serials, with a good camera."""
    profile = default_profile()
    clean = {"glyph_px": (24, 34), "blur": (0, 0.3), "motion": (0, 0), "noise": (0, 3),
             "jpeg": (90, 96), "tilt": (0, 0), "shade": (0, 0.1), "glare": 0.0}  # fmt: skip
    profile = profile.model_copy(
        update={
            "camera": profile.camera.model_copy(update=clean), "currencies": ("USD", "JPY", "INR"),
            "contrast": 90.0, "clutter": 0.0, "above": (0.33, 0.33), "beside": (0.33, 0.33),
        }
    )  # fmt: skip
    patterns = tuple(_pattern(form) for form in FORMS)
    generator = LineGenerator(profile, seed)
    unknown = {c: Grammar(c, patterns, "", "") for c in profile.currencies}
    vars(lines)["GRAMMARS"] = unknown
    for index in range(number):
        first, second = (generator.view(index, frame) for frame in range(2))
        yield first.text, first.image, second.image


def _pattern(form: str) -> Pattern:
    places: list[str] = []
    gaps: list[int] = []
    for char in form:
        if char in " -":
            gaps.append(len(places))
        else:
            places.append({"A": LATIN, "0": DIGITS}[char])
    return Pattern(form, tuple(places), gaps=tuple(gaps))


def _fill(form: str, rng: np.random.Generator) -> str:
    kinds = {"A": LATIN, "0": DIGITS}
    return "".join(
        kinds[c][int(rng.integers(len(kinds[c])))] if c in kinds else c for c in form
    )  # fmt: skip


def _note(prints: tuple[Image, Image]) -> tuple[Image, Found]:
    """Lay a note of 1000 x 430 on a table, with a print at two of its corners."""
    picture = np.full((530, 1100, 3), 75, np.uint8)
    picture[50:480, 50:1050] = 205
    quads = []
    for number, line in enumerate(prints):
        height, width = line.shape[:2]
        x, y = (1000 - width, 450 - height) if number else (100, 90)
        picture[y : y + height, x : x + width] = line
        quads.append(_corners(x, y, x + width, y + height))
    note = _corners(50, 50, 1050, 480)
    return picture, Found(note[None], np.stack(quads))


def _corners(x1: float, y1: float, x2: float, y2: float) -> NDArray[np.float32]:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


if __name__ == "__main__":
    main()
