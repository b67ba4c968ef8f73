"""Whole frames: where things are is stated, what they say is read by the zoo's own reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.samples import LineSample
from edgecnn.errors import BundleError, DataError
from edgecnn.vision.quads import from_quads, to_quads
from edgecnn_device.notes import KnownNote, NoteOptions, NoteReader, NoteReading
from edgecnn_device.runner import Runner, open_runner

Quad = NDArray[np.float32]
Read = Callable[..., tuple[NoteReading, ...]]


@pytest.fixture(scope="module")
def serial_reader(zoo_bundle: Path) -> Runner:
    return open_runner(zoo_bundle, "tflite-int8")


@pytest.fixture
def read(note_detector: Any, serial_reader: Runner) -> Read:
    """Reads a scene, or a changed picture of it, through the whole of NoteReader."""
    detector = open_runner(note_detector.path)

    def run(
        scene: Any, image: NDArray[Any] | None = None, options: NoteOptions | None = None,
        known: Sequence[KnownNote] = (),
    ) -> tuple[NoteReading, ...]:  # fmt: skip
        note_detector.script.scenes = [scene]
        reader = NoteReader(detector, serial_reader, options)
        return reader(scene.image if image is None else image, known)

    return run


def _at(x: float, y: float, width: float, degrees: float = 0) -> Quad:
    """Return the corners of a note."""
    box = [[x, y, width, 0.43 * width, np.deg2rad(degrees)]]
    return np.asarray(to_quads(np.array(box, np.float32))[0], np.float32)


def _texts(readings: Sequence[NoteReading]) -> list[str | None]:
    return [reading.serial for reading in readings]


@pytest.mark.parametrize("degrees", [0, 33, 90, 160, 200, -75])
def test_a_note_is_read_at_any_angle(
    read: Read, draw_notes: Any, note_lines: list[LineSample], degrees: float
) -> None:
    line = note_lines[4]
    scene = draw_notes([(_at(640, 360, 620, degrees), [line.image, line.image])])
    (note,) = read(scene)
    assert (note.currency, note.serial, note.reason) == (line.currency, line.text, "")
    assert not note.abstained and 0.9 < note.confidence <= 1
    assert note.quad == pytest.approx(scene.notes[0], abs=1)
    assert [s.text for s in note.serials] == [line.text] * 2
    for serial, quad in zip(note.serials, scene.serials, strict=True):
        assert serial.quad == pytest.approx(quad, abs=1)


@pytest.mark.parametrize("index", range(10))
def test_every_currency_is_read(
    read: Read, draw_notes: Any, note_lines: list[LineSample], index: int
) -> None:
    line = note_lines[index]
    place = _at(640, 360, 900, 12)
    (note,) = read(draw_notes([(place, [line.image, line.image])]))
    assert (note.currency, note.serial) == (line.currency, line.text)
    # One print alone may be too little to be given, but says the same.
    (note,) = read(draw_notes([(place, [line.image])]))
    assert note.verdict is not None
    assert (note.verdict.currency, note.verdict.text) == (line.currency, line.text)


def test_a_tilted_note_is_read(read: Read, draw_notes: Any, note_lines: list[LineSample]) -> None:
    corners = [[250, 200], [1010, 260], [960, 520], [240, 560]]
    lines = [note_lines[5]] * 2
    (note,) = read(draw_notes([(corners, [line.image for line in lines])]))
    assert note.serial == lines[0].text


def test_the_way_up_is_found_where_the_detector_is_wrong(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    line = note_lines[9]
    scene = draw_notes([(_at(640, 360, 700, 20), [line.image, line.image])])
    notes, serials = (np.roll(quads, 2, axis=1) for quads in (scene.notes, scene.serials))
    (note,) = read(dataclasses.replace(scene, notes=notes, serials=serials))
    assert note.serial == line.text
    assert note.quad == pytest.approx(scene.notes[0], abs=1)
    for serial, quad in zip(note.serials, scene.serials, strict=True):
        assert serial.quad == pytest.approx(quad, abs=1)


@pytest.mark.parametrize("cut", [0.35, 0.5, 0.6])
def test_a_box_that_cuts_characters_is_read_wider(
    read: Read, draw_notes: Any, note_lines: list[LineSample], cut: float
) -> None:
    line = note_lines[4]
    scene = draw_notes([(_at(640, 360, 900), [line.image])])
    assert _texts(read(_narrow(scene, cut))) == [line.text]


@pytest.mark.parametrize("index", [4, 7])
@pytest.mark.parametrize("cut", [0.7, 0.8, 0.9, 1.0])
def test_what_is_left_of_a_cut_serial_is_no_serial_of_a_shorter_form(
    read: Read, draw_notes: Any, note_lines: list[LineSample], index: int, cut: float
) -> None:
    line = note_lines[index]
    scene = draw_notes([(_at(640, 360, 900), [line.image])])
    assert _texts(read(_narrow(scene, cut))) in ([None], [line.text])


def _narrow(scene: Any, cut: float) -> Any:
    """Return a scene whose serial boxes lack so many of their heights on both sides."""
    boxes = from_quads(scene.serials)
    boxes[:, 2] -= 2 * cut * boxes[:, 3]
    return dataclasses.replace(scene, serials=to_quads(boxes))


def test_a_part_of_a_print_is_not_read_where_the_whole_is_sure(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    line = note_lines[4]
    scene = draw_notes([(_at(640, 360, 900), [line.image, line.image])])
    parts = from_quads(scene.serials)
    parts[:, 0] += 0.5 * parts[:, 2]
    first, second = scene.serials
    after, behind = to_quads(parts)
    (note,) = read(dataclasses.replace(scene, serials=np.stack((first, after, second, behind))))
    assert note.serial == line.text and [s.text for s in note.serials] == [line.text] * 2
    # Alone they are tried, and do not convince: what runs to the edge of its crop may go on.
    (note,) = read(dataclasses.replace(scene, serials=np.stack((after, behind))))
    assert note.serial is None and len(note.serials) == 2


@pytest.mark.parametrize("degrees", [0, 90, -35])
def test_a_note_without_a_serial_is_looked_at_closer(
    note_detector: Any,
    serial_reader: Runner,
    draw_notes: Any,
    note_lines: list[LineSample],
    degrees: float,
) -> None:
    line = note_lines[4]
    scene = draw_notes([(_at(640, 360, 500, degrees), [line.image, line.image])])
    nothing = np.zeros((0, 4, 2), np.float32)
    # The note laid straight, with a tenth of its width on both sides, in a frame of 16 to 9.
    turn = np.deg2rad(degrees)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    straight = (scene.serials - (640, 360)) @ axes + (300, 168.75)
    near = dataclasses.replace(
        scene, image=np.zeros((338, 600, 3), np.uint8), notes=nothing, serials=straight
    )
    note_detector.script.scenes = [dataclasses.replace(scene, serials=nothing), near]
    (note,) = NoteReader(open_runner(note_detector.path), serial_reader)(scene.image)
    assert note.serial == line.text
    for serial, quad in zip(note.serials, scene.serials, strict=True):
        assert serial.quad == pytest.approx(quad, abs=2)
    note_detector.script.scenes = [dataclasses.replace(scene, serials=nothing), near]
    far = NoteReader(open_runner(note_detector.path), serial_reader, NoteOptions(closer=0, rims=()))
    assert _texts(far(scene.image)) == [None]


def test_several_notes_are_read_each(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    lines = [note_lines[i] for i in (0, 4, 6, 9)]
    places = [_at(320, 180, 560, 5), _at(950, 180, 560, -4), _at(330, 540, 560, 184),
              _at(950, 530, 560, 0)]  # fmt: skip
    scene = draw_notes([(p, [x.image, x.image]) for p, x in zip(places, lines, strict=True)])
    assert _texts(read(scene)) == [line.text for line in lines]


def test_overlapping_notes_keep_their_serials_apart(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    under, over = note_lines[4], note_lines[9]
    scene = draw_notes(
        [
            (_at(560, 300, 760, 0), [under.image]),
            (_at(760, 470, 760, 14), [over.image, over.image]),
        ]
    )
    assert _texts(read(scene)) == [under.text, over.text]


def test_a_frame_without_notes_gives_nothing(read: Read, draw_notes: Any) -> None:
    assert read(draw_notes([])) == ()


def test_a_note_face_down_has_no_serial(read: Read, draw_notes: Any) -> None:
    (note,) = read(draw_notes([(_at(640, 360, 700), [])]))
    assert (note.currency, note.serial, note.reason) == (None, None, "no serial")
    assert (note.confidence, note.serials, note.verdict) == (0, (), None)


def _cover(image: NDArray[np.uint8], quad: Quad) -> None:
    """Lay something over the right half of a quad, in place."""
    half = np.stack([(quad[0] + quad[1]) / 2, quad[1], quad[2], (quad[2] + quad[3]) / 2])
    cv2.fillConvexPoly(image, np.rint(half).astype(np.int32), (90, 120, 170))


def test_a_half_covered_serial_alone_is_not_given(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    scene = draw_notes([(_at(640, 360, 800, 8), [note_lines[4].image])])
    _cover(scene.image, scene.serials[0])
    (note,) = read(scene)
    assert note.serial is None and note.reason in {"unsure", "no serial"}


@pytest.mark.parametrize("covered", [0, 1])
def test_beside_a_half_covered_serial_the_other_is_enough(
    read: Read, draw_notes: Any, note_lines: list[LineSample], covered: int
) -> None:
    line = note_lines[4]
    scene = draw_notes([(_at(640, 360, 800, 8), [line.image, line.image])])
    _cover(scene.image, scene.serials[covered])
    (note,) = read(scene)
    assert note.serial == line.text


def test_serials_that_disagree_are_told_and_not_given(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    scene = draw_notes([(_at(640, 360, 800, 8), [note_lines[4].image, note_lines[9].image])])
    (note,) = read(scene)
    assert (note.currency, note.serial, note.reason) == (None, None, "serials disagree")
    assert [s.text for s in note.serials] == [note_lines[4].text, note_lines[9].text]


@pytest.mark.parametrize(
    "text",
    [
        "N12345678901", "1234", "HELLO WORLD", "XK 12 34 56 78 99 Q", "WU 41 01 66 74 28 C",
        "E72 217 768 JG", "PR-156-0789-D",
    ],
)  # fmt: skip
def test_an_unknown_currency_is_not_given(read: Read, draw_notes: Any, text: str) -> None:
    line = np.full((56, 30 + 24 * len(text), 3), 205, np.uint8)
    cv2.putText(line, text, (14, 43), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (40, 40, 60), 3, cv2.LINE_AA)
    (note,) = read(draw_notes([(_at(640, 360, 900), [line, line])]))
    assert note.serial is None and note.reason in {"unsure", "no serial"}


def test_a_serial_without_its_note_is_read(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    line = note_lines[6]
    scene = draw_notes([(_at(640, 360, 800, 8), [line.image, line.image])])
    (note,) = read(dataclasses.replace(scene, notes=scene.notes[:0]))
    assert note.serial == line.text and len(note.serials) == 2
    assert note.quad == pytest.approx(scene.serials[0], abs=1)


def test_a_box_without_a_note_that_shows_nothing_is_nothing(read: Read, draw_notes: Any) -> None:
    scene = draw_notes([])
    box = _at(640, 360, 200, 10)[None]
    assert all(note.abstained for note in read(dataclasses.replace(scene, serials=box)))


@pytest.mark.parametrize("size", [(720, 1280), (400, 1280)])
def test_a_frame_on_end_is_turned_for_the_detector(
    read: Read, draw_notes: Any, note_lines: list[LineSample], size: tuple[int, int]
) -> None:
    line = note_lines[9]
    scene = draw_notes([(_at(size[0] / 2, 700, 800, 80), [line.image, line.image])], size)
    (note,) = read(scene)
    assert note.serial == line.text
    assert note.quad == pytest.approx(scene.notes[0], abs=1)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (8000, 6000)])
def test_pictures_of_any_size_are_taken(
    read: Read, draw_notes: Any, note_lines: list[LineSample], size: tuple[int, int]
) -> None:
    line = note_lines[9]
    width = 0.8 * size[0]
    scene = draw_notes([(_at(size[0] / 2, size[1] / 2, width), [line.image])], size)
    readings = read(scene)
    assert _texts(readings) == ([line.text] if size[0] > 300 else [None] * len(readings))


def test_a_grey_picture_is_read_and_other_arrays_are_refused(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    line = note_lines[9]
    scene = draw_notes([(_at(640, 360, 800), [line.image])])
    (note,) = read(scene, cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY))
    assert note.serial == line.text
    others = (
        scene.image.astype(np.uint16) * 257, scene.image[..., :2], scene.image[:0],
        scene.image.astype(np.float32), scene.image[0, 0],
    )  # fmt: skip
    for other in others:
        with pytest.raises(DataError, match="expected a picture as uint8"):
            read(scene, other)


def test_what_fits_too_little_is_unsure(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    scene = draw_notes([(_at(640, 360, 800), [note_lines[9].image])])
    (note,) = read(scene, options=NoteOptions(min_fit=0.1))
    assert (note.serial, note.reason) == (None, "unsure")
    assert note.verdict is not None and note.verdict.text == note_lines[9].text


def test_bundles_of_another_kind_are_refused(
    note_detector: Any, serial_reader: Runner, zoo_bundle: Path
) -> None:
    with pytest.raises(BundleError, match="--detector"):
        NoteReader(serial_reader, serial_reader)
    with pytest.raises(BundleError, match="--reader"):
        NoteReader.open(note_detector.path, note_detector.path)


def test_a_known_note_is_not_weighed_again(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    lines = note_lines[4], note_lines[5]
    quads = _at(350, 360, 480), _at(930, 360, 480)
    scene = draw_notes([(q, [x.image, x.image]) for q, x in zip(quads, lines, strict=True)])
    first, second = read(scene)
    assert first.serial and second.serial
    known = KnownNote(first.quad + np.float32(9), str(first.currency), first.serial, 0.9)
    again = {reading.serial: reading for reading in read(scene, known=[known])}
    assert again.keys() == {first.serial, second.serial}
    old, new = again[first.serial], again[second.serial]
    assert (old.serials, old.verdict, old.confidence, old.reason) == ((), None, 0.9, "")
    assert np.array_equal(old.quad, first.quad)
    assert new.verdict == second.verdict


@pytest.mark.parametrize("why", ["elsewhere", "another serial"])
def test_what_is_not_the_known_note_is_read(
    read: Read, draw_notes: Any, note_lines: list[LineSample], why: str
) -> None:
    line, other = note_lines[4], note_lines[5]
    scene = draw_notes([(_at(640, 360, 620), [line.image, line.image])])
    (plain,) = read(scene)
    serial = other.text if why == "another serial" else line.text
    quad = plain.quad + np.float32(600 * (why == "elsewhere"))
    (reading,) = read(scene, known=[KnownNote(quad, "KRW", serial, 0.9)])
    assert reading.serial == plain.serial and reading.verdict == plain.verdict


def test_known_notes_that_overlap_are_read(
    read: Read, draw_notes: Any, note_lines: list[LineSample]
) -> None:
    lines = note_lines[4], note_lines[5]
    quads = _at(500, 330, 560), _at(700, 400, 560)
    scene = draw_notes([(q, [x.image, x.image]) for q, x in zip(quads, lines, strict=True)])
    before = read(scene)
    known = [KnownNote(q, "KRW", x.text, 0.9) for q, x in zip(quads, lines, strict=True)]
    assert [r.verdict for r in read(scene, known=known)] == [r.verdict for r in before]
