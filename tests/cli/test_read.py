"""`edgecnn read` on pictures and videos, good and bad: boxes are stated, serials really read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgecnn.cli.main import main
from edgecnn.data.samples import LineSample
from edgecnn.vision.quads import to_quads

Call = Callable[..., tuple[int, str, str]]
WriteVideo = Callable[[Path, list[NDArray[np.uint8]]], None]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], note_detector: Any) -> Call:
    """Runs the verb on scenes, one for each picture that it will see."""

    def run(scenes: list[Any], *arguments: object) -> tuple[int, str, str]:
        note_detector.script.scenes = list(scenes)
        with pytest.raises(SystemExit) as left:
            main(["read", *map(str, arguments), "--detector", str(note_detector.path),
                  "--variant", "tflite-int8"])  # fmt: skip
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def scene(draw_notes: Any, note_lines: list[LineSample]) -> Callable[..., Any]:
    """Draws one note, across the frame, with these lines on it."""

    def drawn(*lines: int, degrees: float = 8, size: tuple[int, int] = (1280, 720)) -> Any:
        width = 0.7 * max(size)
        box = [[size[0] / 2, size[1] / 2, width, 0.43 * width, np.deg2rad(degrees)]]
        corners = to_quads(np.array(box, np.float32))[0]
        return draw_notes([(corners, [note_lines[i].image for i in lines])], size)

    return drawn


def _write(path: Path, image: NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_line_per_picture_has_the_promised_keys(
    call: Call, scene: Callable[..., Any], note_lines: list[LineSample], tmp_path: Path
) -> None:
    shown = scene(9, 9)
    path = _write(tmp_path / "x.png", shown.image)
    status, out, _ = call([shown], path, "--json")
    (line,) = _lines(out)
    assert (status, set(line)) == (0, {"source", "frame", "notes"})
    assert (line["source"], line["frame"]) == (str(path), 0)
    (note,) = line["notes"]
    assert note["serial"] == note_lines[9].text and note["currency"] == note_lines[9].currency
    assert (note["abstained"], note["reason"]) == (False, "")
    assert 0.9 < note["confidence"] <= 1
    assert np.array(note["box"]) == pytest.approx(shown.notes[0], abs=1)
    assert [set(s) for s in note["serials"]] == [{"text", "confidence", "box"}] * 2
    assert [s["text"] for s in note["serials"]] == [note_lines[9].text] * 2


def test_people_get_a_line_per_picture(
    call: Call, scene: Callable[..., Any], note_lines: list[LineSample], tmp_path: Path
) -> None:
    scenes = [scene(9, 9), scene()]
    folder = tmp_path / "in"
    folder.mkdir()
    for name, shown in zip("ab", scenes, strict=True):
        _write(folder / f"{name}.png", shown.image)
    status, out, _ = call(scenes, folder)
    first, second = out.splitlines()
    assert status == 0
    assert f"a.png  {note_lines[9].currency} {note_lines[9].text} (" in first
    assert second.endswith("b.png  abstained: no serial")


def test_a_serial_that_is_not_given_is_never_shown(
    call: Call, scene: Callable[..., Any], note_lines: list[LineSample], tmp_path: Path
) -> None:
    shown = scene(4, 9)
    path = _write(tmp_path / "x.png", shown.image)
    for arguments in ((path,), (path, "--json")):
        _, out, err = call([shown], *arguments)
        assert "serials disagree" in out
        assert not any(note_lines[i].text in out + err for i in (4, 9))
    (note,) = _lines(out)[0]["notes"]
    assert (note["serial"], note["currency"], note["abstained"]) == (None, None, True)
    assert [s["text"] for s in note["serials"]] == [None, None]


def test_a_margin_beyond_reach_abstains(
    call: Call, scene: Callable[..., Any], tmp_path: Path
) -> None:
    shown = scene(4)
    path = _write(tmp_path / "x.png", shown.image)
    assert "abstained: unsure" in call([shown], path, "--min-margin", "10000")[1]
    assert call([shown], path, "--min-margin", "-1")[0] == 2


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_boxes_lie_in_the_upright_picture(
    call: Call, scene: Callable[..., Any], note_lines: list[LineSample], tmp_path: Path,
    orientation: int,
) -> None:  # fmt: skip
    shown = scene(9)
    stored = np.rot90(shown.image[:, :, ::-1], {1: 0, 3: 2, 6: 1, 8: -1}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "x.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    _, out, _ = call([shown], path, "--json")
    (note,) = _lines(out)[0]["notes"]
    assert note["serial"] == note_lines[9].text
    assert np.array(note["box"]) == pytest.approx(shown.notes[0], abs=1)


@pytest.mark.parametrize("kind", ["grey", "alpha", "16 bit"])
def test_kinds_of_pictures(
    call: Call, scene: Callable[..., Any], note_lines: list[LineSample], tmp_path: Path, kind: str
) -> None:
    shown = scene(9)
    opaque = np.full(shown.image.shape[:2], 255, np.uint8)
    image: NDArray[Any] = {
        "grey": cv2.cvtColor(shown.image, cv2.COLOR_BGR2GRAY),
        "alpha": np.dstack((shown.image, opaque)),
        "16 bit": shown.image.astype(np.uint16) * 257,
    }[kind]
    status, out, _ = call([shown], _write(tmp_path / "x.png", image), "--json")
    assert (status, _lines(out)[0]["notes"][0]["serial"]) == (0, note_lines[9].text)


def test_the_smallest_picture_has_no_notes(call: Call, draw_notes: Any, tmp_path: Path) -> None:
    shown = draw_notes([], (1, 1))
    status, out, _ = call([shown], _write(tmp_path / "x.png", shown.image), "--json")
    assert (status, _lines(out)[0]["notes"]) == (0, [])


def test_a_damaged_picture_is_told_and_the_others_are_done(
    call: Call, scene: Callable[..., Any], tmp_path: Path
) -> None:
    shown = scene(9)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"torn")
    _write(folder / "b.png", shown.image)
    status, out, err = call([shown], folder, "--json")
    assert (status, len(_lines(out))) == (2, 1)
    assert "a.png" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.png"], "no such file"),
        (["x.png", "--reader", "no-such-bundle"], "serial-reader"),
        (["x.png", "--reader", "{detector}"], "expected a bundle that reads"),
        ([], "Missing argument"),
    ],
)
def test_bad_usage_is_one_line(
    call: Call, scene: Callable[..., Any], note_detector: Any, arguments: list[str], says: str
) -> None:
    filled = [a.format(detector=note_detector.path) for a in arguments]
    status, out, err = call([scene()], *filled)
    assert (status, out) == (2, "")
    assert says in err and "Traceback" not in err


def test_saved_pictures_show_notes_and_serials(
    call: Call, scene: Callable[..., Any], tmp_path: Path
) -> None:
    shown = scene(9, 9)
    path, out = _write(tmp_path / "x.png", shown.image), tmp_path / "out"
    assert call([shown], path, "--save", out)[0] == 0
    drawn = cv2.imread(str(out / "x.png"))
    assert drawn is not None and drawn.shape == shown.image.shape
    changed = (drawn != shown.image).any(2)
    for corner in (*shown.notes[0], *shown.serials[0]):
        x, y = np.rint(corner).astype(int)
        assert changed[y - 4 : y + 5, x - 4 : x + 5].any()
    status, _, err = call([shown], path, "--save", out)
    assert (status, "--overwrite" in err) == (2, True)
    assert call([shown], path, "--save", out, "--overwrite")[0] == 0
