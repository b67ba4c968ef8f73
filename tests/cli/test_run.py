"""`edgecnn run` of a detector on pictures and videos, good and bad, and what --save leaves."""

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

Paint = Callable[..., NDArray[np.uint8]]
WriteVideo = Callable[[Path, list[NDArray[np.uint8]]], None]
Capture = pytest.CaptureFixture[str]


def _run(capsys: Capture, *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    """Return status, the objects on stdout, and stderr."""
    with pytest.raises(SystemExit) as left:
        main(["run", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    return int(left.value.code or 0), lines, captured.err


def _write(path: Path, image: NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def _spot(width: int, height: int) -> tuple[int, int, int, int]:
    return width // 4, height // 2, width // 2, height


def _moving(spotted: Paint, count: int = 12) -> list[NDArray[np.uint8]]:
    """Frames whose spot goes right by 6 px each."""
    return [spotted(96, 64, (6 * k, 16, 6 * k + 24, 40)) for k in range(count)]


def _as(kind: str, image: NDArray[np.uint8]) -> NDArray[Any]:
    if kind == "alpha":
        return np.dstack((image, np.full(image.shape[:2], 9, np.uint8)))
    if kind == "16 bit":
        return image.astype(np.uint16) * 257
    return image[:, :, 0] if kind == "grey" else image


@pytest.mark.parametrize("kind", ["colour", "grey", "alpha", "16 bit"])
@pytest.mark.parametrize("size", [(200, 100), (64, 333)])
def test_a_spot_is_found_where_it_is(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, kind: str, size: tuple[int, int]
) -> None:
    path = _write(tmp_path / "x.png", _as(kind, spotted(*size, _spot(*size))))
    status, (line,), _ = _run(capsys, spotter, path)
    assert (status, line["source"], line["frame"], line["task"]) == (0, str(path), 0, "detect")
    (found,) = line["results"]
    assert (set(found), found["label"]) == ({"label", "score", "box"}, "spot")
    assert found["box"] == pytest.approx(_spot(*size), abs=max(size) / 64)


def test_the_smallest_and_a_huge_picture(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint
) -> None:
    small = _write(tmp_path / "small.png", spotted(1, 1, (0, 0, 1, 1)))
    huge = _write(tmp_path / "huge.jpg", spotted(8000, 6000, (2000, 1000, 4000, 3000)))
    status, (first, second), _ = _run(capsys, spotter, small, huge, "--save", tmp_path / "out")
    assert status == 0
    assert first["results"][0]["box"] == [0, 0, 1, 1]
    assert second["results"][0]["box"] == pytest.approx([2000, 1000, 4000, 3000], abs=126)
    drawn = cv2.imread(str(tmp_path / "out" / "huge.jpg"))
    assert drawn is not None and drawn.shape == (6000, 8000, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_lie_in_the_upright_picture(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, orientation: int
) -> None:
    upright = spotted(96, 64, (12, 40, 48, 64))
    undo: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1], 4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2), 6: lambda x: np.rot90(x, 1),
        7: lambda x: x[::-1, ::-1].transpose(1, 0, 2), 8: lambda x: np.rot90(x, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "x.jpg"
    Image.fromarray(np.ascontiguousarray(undo[orientation](upright))).save(path, exif=exif)
    status, (line,), _ = _run(capsys, spotter, path, "--save", tmp_path / "out")
    assert status == 0
    assert line["results"][0]["box"] == pytest.approx([12, 40, 48, 64], abs=2)
    drawn = cv2.imread(str(tmp_path / "out" / "x.jpg"))
    assert drawn is not None and drawn.shape[1] > drawn.shape[0]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_picture_is_told_and_the_others_are_done(
    capsys: Capture, spotter: str, tmp_path: Path, suffix: str, share: float
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    bad = _write(folder / f"a{suffix}", image)
    bad.write_bytes(bad.read_bytes()[: int(share * bad.stat().st_size)])
    _write(folder / "b.png", image)
    status, lines, err = _run(capsys, spotter, folder, "--save", tmp_path / "out")
    assert (status, [Path(x["source"]).name for x in lines]) == (2, ["b.png"])
    assert f"a{suffix}" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.png"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".gif"])
def test_frames_of_a_video_count_from_0(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, write_video: WriteVideo,
    suffix: str,
) -> None:  # fmt: skip
    path = tmp_path / f"x{suffix}"
    write_video(path, _moving(spotted))
    status, lines, _ = _run(capsys, spotter, path, "--save", tmp_path / "out")
    assert status == 0
    assert [(x["source"], x["frame"]) for x in lines] == [(str(path), k) for k in range(12)]
    for k, line in enumerate(lines):
        box = (6 * k, 16, 6 * k + 24, 40)
        assert line["results"][0]["box"] == pytest.approx(box, abs=4)
    (saved,) = (tmp_path / "out").iterdir()
    assert saved.stem == "x" and saved.suffix in {".mp4", ".avi"}
    video = cv2.VideoCapture(str(saved))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10, abs=0.1)
    frames = 0
    while video.read()[0]:
        frames += 1
    video.release()
    assert frames == 12


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".gif"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_of_a_video_that_breaks_off_what_can_be_read_is_done(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, write_video: WriteVideo,
    suffix: str, share: float,
) -> None:  # fmt: skip
    path = tmp_path / f"x{suffix}"
    rng = np.random.default_rng(0)
    noisy = [np.maximum(f, rng.integers(0, 60, f.shape, np.uint8)) for f in _moving(spotted)]
    write_video(path, noisy)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    other = _write(tmp_path / "other.png", spotted(9, 9, (0, 0, 9, 9)))
    status, lines, err = _run(capsys, spotter, path, other, "--save", tmp_path / "out")
    assert status == 2
    assert [x["frame"] for x in lines] == [*range(len(lines) - 1), 0]
    assert lines[-1]["source"] == str(other)
    assert len(lines) - 1 < 12 or share > 0.9
    complaint = [line for line in err.splitlines() if path.name in line]
    assert len(complaint) == 1 and ("damaged" in complaint[0] or "not a video" in complaint[0])
    saved = {p.name for p in (tmp_path / "out").iterdir()}
    assert saved - {"x.mp4", "x.avi"} == {"other.png"}
    assert len(saved) == (2 if len(lines) > 1 else 1)


def test_saved_files_have_the_names_of_their_sources(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.PNG", "b.jpeg", "c.bmp"):
        _write(folder / name, spotted(400, 300, (100, 100, 200, 200)))
    before = {p: p.read_bytes() for p in folder.iterdir()}
    assert _run(capsys, spotter, folder, "--save", out)[0] == 0
    assert sorted(p.name for p in out.iterdir()) == ["a.PNG", "b.jpeg", "c.png"]
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    drawn, plain = (cv2.imread(str(p / "a.PNG")) for p in (out, folder))
    assert drawn is not None and plain is not None
    changed = np.argwhere((drawn != plain).any(2))
    assert len(changed) and changed.min(0).min() > 50 and changed.max(0).max() < 250


def test_nothing_is_replaced_unasked_and_never_a_source(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, write_video: WriteVideo
) -> None:
    path, out = _write(tmp_path / "x.png", spotted(50, 50, (0, 0, 9, 9))), tmp_path / "out"
    write_video(tmp_path / "x.avi", _moving(spotted))
    for source in (path, tmp_path / "x.avi"):
        assert _run(capsys, spotter, source, "--save", out)[0] == 0
        status, _, err = _run(capsys, spotter, source, "--save", out)
        assert (status, "--overwrite" in err) == (2, True)
        assert _run(capsys, spotter, source, "--save", out, "--overwrite")[0] == 0
    before = path.read_bytes()
    status, _, err = _run(capsys, spotter, path, "--save", tmp_path, "--overwrite")
    assert (status, "the source itself" in err, path.read_bytes() == before) == (2, True, True)
    status, _, err = _run(capsys, spotter, path, path, "--save", out, "--overwrite")
    assert (status, "another source" in err) == (2, True)
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_an_error_within_a_video_leaves_no_half_of_one(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, write_video: WriteVideo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write_video(tmp_path / "x.avi", _moving(spotted))
    done: list[int] = []

    def fails_later(*given: object) -> NDArray[np.uint8]:
        done.append(1)
        if len(done) > 5:
            raise KeyboardInterrupt
        return spotted(96, 64, (0, 0, 5, 5))

    monkeypatch.setattr("edgecnn_device.draw.draw", fails_later)
    status, lines, _ = _run(capsys, spotter, tmp_path / "x.avi", "--save", tmp_path / "out")
    assert (status, len(lines)) == (130, 6)
    assert list((tmp_path / "out").iterdir()) == []


def test_people_get_a_line_per_frame(
    capsys: Capture, spotter: str, tmp_path: Path, spotted: Paint, write_video: WriteVideo
) -> None:
    write_video(tmp_path / "x.avi", [*_moving(spotted, 1), np.zeros((64, 96, 3), np.uint8)])
    with pytest.raises(SystemExit):
        main(["run", spotter, str(tmp_path / "x.avi")])
    first, second = capsys.readouterr().out.splitlines()
    assert "#0  spot (0.953) at 0 16 24 40" in first
    assert second.endswith("#1  nothing found")
