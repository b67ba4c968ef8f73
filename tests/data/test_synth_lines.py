from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.data.synth.backgrounds import FAMILIES
from edgecnn.data.synth.fonts import find_font, load_face
from edgecnn.data.synth.lines import LineGenerator, LineProfile
from edgecnn.data.synth.write import default_profile, load_profile
from edgecnn.errors import DataError
from edgecnn.vision.serials import GRAMMARS, LATIN


@pytest.fixture(scope="module")
def profile() -> LineProfile:
    """The profile for the fonts at hand: without matplotlib there is no RUB in it."""
    return default_profile()


@pytest.fixture(scope="module")
def clean(profile: LineProfile) -> LineProfile:
    """Large print on plain paper."""
    camera = profile.camera.model_copy(
        update={"glyph_px": (30, 34), "blur": (0, 0.01), "noise": (0, 2), "shade": (0, 0.1),
                "jpeg": (94, 96), "glare": 0.0}
    )  # fmt: skip
    plain = {"camera": camera, "backgrounds": ("plain",), "contrast": 90.0, "clutter": 0.0}
    return profile.model_copy(update=plain)


def test_a_line_depends_on_seed_and_index_alone(profile: LineProfile) -> None:
    order = [7, 0, 3]
    first = {i: LineGenerator(profile, 5)(i) for i in order}
    again = LineGenerator(profile, 5)
    for index in sorted(order):
        line = again(index)
        assert np.array_equal(line.image, first[index].image)
        assert (line.text, line.centres) == (first[index].text, first[index].centres)


def test_other_seeds_and_indexes_are_other_lines(profile: LineProfile) -> None:
    step = len(profile.currencies)
    lines = [LineGenerator(profile, seed)(index) for seed in (1, 2) for index in (0, step)]
    assert len({line.text for line in lines}) == 4
    assert len({line.image.tobytes() for line in lines}) == 4
    assert len({line.name for line in lines}) == 4


def test_frames_show_one_print_in_other_light(profile: LineProfile) -> None:
    generator = LineGenerator(profile, 3)
    for index in range(len(profile.currencies)):
        line, frames = generator(index), [generator.view(index, frame) for frame in range(3)]
        assert {f.text for f in frames} == {line.text}
        assert len({f.image.tobytes() for f in frames}) == len({f.name for f in frames}) == 3
        assert np.array_equal(generator.view(index, 1).image, frames[1].image)


def test_labels_are_serials_and_currencies_take_turns(profile: LineProfile) -> None:
    generator = LineGenerator(profile, 1)
    for index in range(30):
        line = generator(index)
        assert line.currency == profile.currencies[index % len(profile.currencies)]
        assert GRAMMARS[line.currency].match(line.text) is not None
        assert line.image.dtype == np.uint8 and line.image.shape[2:] == (3,)


def test_each_character_has_its_centre(profile: LineProfile) -> None:
    generator = LineGenerator(profile, 2)
    for line in (generator(i) for i in range(30)):
        assert len(line.centres) == len(line.text)
        assert (np.diff(line.centres) > 0).all()
        assert all(-0.05 < centre < 1.05 for centre in line.centres)


def test_there_is_ink_at_each_centre(clean: LineProfile) -> None:
    generator = LineGenerator(clean, 3)
    for line in (generator(i) for i in range(10)):
        grey = line.image.min(2).astype(int)
        ink = (grey < np.median(grey) - 35).any(0)
        places = [round(c * len(ink)) for c in line.centres]
        assert all(ink[max(0, x - 6) : x + 7].any() for x in places), line.text


def test_negatives_have_nothing_to_read(profile: LineProfile) -> None:
    generator = LineGenerator(profile.model_copy(update={"negatives": 1.0}), 1)
    lines = [generator(i) for i in range(12)]
    assert {(line.text, line.currency, line.centres) for line in lines} == {("", None, ())}
    assert all(line.image.size for line in lines)


def test_a_share_of_negatives_is_kept(profile: LineProfile) -> None:
    generator = LineGenerator(profile.model_copy(update={"negatives": 0.5}), 1)
    assert 10 < sum(not generator(i).text for i in range(40)) < 30


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_background_can_be_painted(profile: LineProfile, family: str) -> None:
    generator = LineGenerator(profile.model_copy(update={"backgrounds": (family,)}), 1)
    assert generator(0).image.std() > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backgrounds": ("plain", "tartan")}, "unknown background 'tartan': expected one of"),
        ({"currencies": ("EUR",)}, "unknown currency 'EUR': expected one of KRW, USD"),
        ({"fonts": ("apt:fonts-nowhere:Nowhere.ttf",)}, "apt-get install fonts-nowhere"),
        ({"fonts": ("pillow:default",), "currencies": ("RUB",)}, "every character of RUB: add one"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_drawn(
    profile: LineProfile, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError) as caught:
        LineGenerator(profile.model_copy(update=changes), 1)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Arial", "expected pillow:default, matplotlib:FILE or apt:PACKAGE:FILE"),
        ("pillow:bold", "expected pillow:default"),
        ("", "expected pillow:default"),
        ("apt:fonts-nowhere:Nowhere.ttf", "Nowhere.ttf is not installed: apt-get install fonts-no"),
    ],
)
def test_a_font_that_is_not_there(name: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        find_font(name)
    assert words in str(caught.value)


def test_without_matplotlib_its_fonts_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DataError, match=r"pip install 'edgecnn\[train\]'"):
        find_font("matplotlib:DejaVuSerif.ttf")
    bare = default_profile()
    assert bare.fonts == ("pillow:default",)
    assert bare.currencies == ("KRW", "USD", "INR", "JPY")
    assert LineGenerator(bare, 1)(0).text


def test_with_matplotlib_every_currency_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    assert default_profile() == LineProfile()
    with pytest.raises(DataError, match=r"matplotlib has no Nowhere\.ttf"):
        find_font("matplotlib:Nowhere.ttf")


def test_pillow_brings_a_font_for_latin_letters() -> None:
    face = load_face("pillow:default")
    assert find_font("pillow:default") is None
    assert face.covers(LATIN + "0123456789*") and not face.covers("Ж")
    pixels, _, above, advance = face.glyph("H", 40)
    assert abs(above - 40) <= 2 and pixels.any() and advance > 0


def test_a_profile_comes_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("fonts: ['pillow:default']\ncurrencies: [USD]\ncamera: {glare: 0}\n")
    profile = load_profile(path)
    assert (profile.fonts, profile.currencies) == (("pillow:default",), ("USD",))
    assert profile.camera.glare == 0
    assert load_profile(None) == default_profile()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"colour: red", "colour: Extra inputs"),
        (b"fonts: []", "fonts: "),
        (b"camera: {glare: 2}", "camera.glare: "),
        (b"[", "expected a yaml profile"),
        (b"\xff", "expected a yaml profile"),
        (b"", "known keys: fonts"),
        (None, "expected a yaml profile"),
    ],
)
def test_a_yaml_that_is_no_profile(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_profile(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and words in message and "\n" not in message


@pytest.mark.parametrize("camera", ["glyph_px: [20, 10]", "glyph_px: [0, 0]", "jpeg: [500, 600]"])
def test_a_range_that_cannot_be_drawn_from(tmp_path: Path, camera: str) -> None:
    (tmp_path / "p.yaml").write_text(f"camera: {{{camera}}}\n")
    with pytest.raises(DataError, match="camera"):
        load_profile(tmp_path / "p.yaml")
