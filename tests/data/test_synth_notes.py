from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset
from edgecnn.data.synth.degrade import Camera
from edgecnn.data.synth.notes.desks import DESKS
from edgecnn.data.synth.notes.scene import NoteProfile, SceneGenerator
from edgecnn.data.synth.notes.view import look_at, project
from edgecnn.data.synth.notes.write import CLASSES, default_notes, write_notes
from edgecnn.errors import DataError
from edgecnn.vision.quads import hulls
from edgecnn.vision.serials import GRAMMARS

SMALL = ((320, 180),)
CLEAN = Camera(blur=(0, 0), motion=(0, 0), noise=(0, 0), jpeg=(95, 96), shade=(0, 0), glare=0)


def _profile(**changes: object) -> NoteProfile:
    """The profile for the fonts at hand, changed: without matplotlib there is no RUB in it."""
    return NoteProfile.model_validate({**default_notes().model_dump(), **changes})


def test_a_scene_depends_on_seed_and_index_alone() -> None:
    profile = _profile(sizes=SMALL, counts=(0, 0, 1))
    one, other = SceneGenerator(profile, 3), SceneGenerator(profile, 3)
    other(0)
    assert np.array_equal(one(5).image, other(5).image)
    assert not np.array_equal(one(5).image, one(6).image)
    assert not np.array_equal(one(5).image, SceneGenerator(profile, 4)(5).image)


def test_notes_have_serials_of_their_currency() -> None:
    profile = _profile(sizes=SMALL, hands=0)
    draw = SceneGenerator(profile, 1)
    scenes = [draw(i) for i in range(2 * len(profile.currencies))]
    assert [s.notes[0].currency for s in scenes] == 2 * list(profile.currencies)
    for scene in scenes:
        note = scene.notes[0]
        assert GRAMMARS[note.currency].match(note.text)
        assert note.serials.shape == (2, 4, 2)
        width, height = scene.image.shape[1::-1]
        assert note.quad.min() >= 0 and (note.quad.max(0) <= (width, height)).all()
        for quad in note.serials:
            corners = [cv2.pointPolygonTest(note.quad, p.tolist(), True) for p in quad]
            assert min(corners) > -0.02 * width


def test_a_serials_quad_holds_its_print_the_right_way_up() -> None:
    profile = _profile(currencies=("USD",), hands=0, wear=(0, 0), contrast=110, tilt=(0, 25),
                          camera=CLEAN, backgrounds=("plain",))  # fmt: skip
    draw = SceneGenerator(profile, 2)
    for index in range(4):
        scene = draw(index)
        for quad in scene.notes[0].serials:
            target = np.array(((0, 0), (240, 0), (240, 40), (0, 40)), np.float32)
            matrix = cv2.getPerspectiveTransform(quad, target)
            line = cv2.warpPerspective(scene.image, matrix, (240, 40)).min(2).astype(float)
            spread = line[10:30, 10:230].std(1)
            rim = np.concatenate((line[:4], line[-4:]))[:, 10:230].std(1)
            assert spread.mean() > 1.5 * rim.mean()


def test_what_lies_face_down_has_no_serial() -> None:
    scene = SceneGenerator(_profile(sizes=SMALL, backs=1), 1)(0)
    assert scene.notes[0].text == "" and len(scene.notes[0].serials) == 0


def test_an_upper_note_hides_the_serials_of_a_lower_one() -> None:
    profile = _profile(sizes=SMALL, counts=(0, 0, 0, 0, 1), hands=0, fill=(0.9, 1))
    draw = SceneGenerator(profile, 1)
    notes = [note for index in range(12) for note in draw(index).notes]
    assert {len(n.serials) for n in notes} == {0, 1, 2}
    assert len(notes) < 48  # some are hardly to be seen at all


@pytest.mark.parametrize("desk", sorted(DESKS))
def test_every_desk_is_a_picture(desk: str) -> None:
    image = DESKS[desk](90, 160, np.random.default_rng(0))
    assert image.shape == (90, 160, 3) and image.dtype == np.float32
    assert np.isfinite(image).all() and image.min() > -120 and image.max() < 400


def test_a_note_that_lies_flat_keeps_its_shape() -> None:
    for seed in range(5):
        view = look_at((156, 66), (640, 360), 0.4, 0.0, True, np.random.default_rng(seed))
        quad = project(view, np.array(((0, 0), (156, 0), (156, 66), (0, 66))))
        sides = np.hypot(*(np.roll(quad, -1, 0) - quad).T)
        assert np.allclose(sides[:2], sides[2:])
        assert sides[0] / sides[1] == pytest.approx(156 / 66)
        assert sides[0] == pytest.approx(0.4 * 640)


def test_a_tilted_note_is_foreshortened_as_through_a_pinhole() -> None:
    # Over all directions of the tilt, the smallest area is that of the cosine, and no larger than
    # what the near edge of the widest lens can add.
    areas = []
    for seed in range(40):
        view = look_at((156, 66), (640, 360), 0.3, 25.0, False, np.random.default_rng(seed))
        quad = project(view, np.array(((0, 0), (156, 0), (156, 66), (0, 66))))
        areas.append(cv2.contourArea(quad.astype(np.float32)) / (192 * 192 * 66 / 156))
    assert min(areas) > np.cos(np.radians(25)) * 0.97
    assert np.mean(areas) == pytest.approx(np.cos(np.radians(25)), abs=0.03)


def test_the_set_opens_without_a_fault_however_many_draw_it(tmp_path: Path) -> None:
    profile = _profile(sizes=SMALL, counts=(0.2, 0.4, 0.4), whole=0.5, backs=0.2)
    told: list[int] = []
    write_notes(tmp_path / "one", 6, 5, profile, lambda done, total: told.append(done))
    write_notes(tmp_path / "two", 6, 5, profile, workers=2)
    assert told == [1, 2, 3, 4, 5, 6]
    dataset = open_dataset(tmp_path / "one")
    assert dataset.classes == CLASSES and len(dataset.samples) == 6
    assert check((dataset,)).faults == ()
    for sample in dataset.samples:
        if len(sample.boxes):
            assert sample.quads is not None
            clipped = np.clip(hulls(sample.quads), 0, (320, 180, 320, 180))
            assert np.allclose(sample.boxes, clipped, atol=0.02)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"desks": ("moon",)}, "unknown desk 'moon'"),
     ({"currencies": ("XAU",)}, "unknown currency 'XAU'"),
     ({"fonts": ("pillow:default",), "currencies": ("RUB",)}, "every character of RUB")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(options: dict[str, tuple[str, ...]], says: str) -> None:
    with pytest.raises(DataError, match=says):
        SceneGenerator(_profile(**options), 1)


def test_a_scan_is_filled_by_its_note() -> None:
    profile = _profile(sizes=((400, 100),), scans=1, hands=0)
    draw = SceneGenerator(profile, 1)
    ways = set()
    for index in range(16):
        scene = draw(index)
        height, width = scene.image.shape[:2]
        note = scene.notes[0]
        along = note.quad[1] - note.quad[0]
        assert width == 400 and 1.8 < width / height < 2.6
        assert cv2.contourArea(note.quad) == pytest.approx(width * height, rel=0.2)
        assert abs(along[1]) < 0.06 * abs(along[0])
        ways.add(along[0] > 0)
    assert ways == {True, False}
