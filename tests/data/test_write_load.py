from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.images import list_images, read_image
from edgecnn.data.lines import load_lines, straighten
from edgecnn.data.synth.lines import LineGenerator, LineProfile
from edgecnn.data.synth.write import default_profile, write_lines
from edgecnn.errors import DataError, InputError

NOTES = "file,currency,serial,quads"


@pytest.fixture
def note() -> NDArray[np.uint8]:
    """A picture whose every pixel is another colour."""
    y, x = np.mgrid[0:40, 0:60]
    return np.stack((x * 4, y * 6, (x + y) * 2), 2).astype(np.uint8)


@pytest.fixture
def labelled(tmp_path: Path, note: NDArray[np.uint8]) -> Callable[..., Path]:
    """Writes a folder of one picture and a labels.csv of the given rows."""

    def folder(*rows: str) -> Path:
        (tmp_path / "set").mkdir()
        cv2.imwrite(str(tmp_path / "set" / "note.png"), note)
        (tmp_path / "set" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return tmp_path / "set"

    return folder


def test_what_is_written_is_loaded(tmp_path: Path) -> None:
    profile = default_profile().model_copy(update={"negatives": 0.3})
    assert write_lines(tmp_path / "set", 8, 3, profile) == 8
    generator = LineGenerator(profile, 3)
    loaded = load_lines(tmp_path / "set")
    assert [line.name for line in loaded] == [f"line-{i:06d}.png" for i in range(8)]
    for index, line in enumerate(loaded):
        wanted = generator(index)
        assert np.array_equal(line.image, wanted.image)
        assert (line.text, line.currency) == (wanted.text, wanted.currency)


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_lines(tmp_path / "set", 2, 1, default_profile())
    assert [p.name for p in list_images(tmp_path / "set")] == ["line-000000.png", "line-000001.png"]
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_holds_something_is_kept(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    with pytest.raises(InputError, match="is not empty: choose another folder"):
        write_lines(tmp_path, 1, 1, default_profile())
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_an_unknown_font_leaves_nothing(tmp_path: Path) -> None:
    profile = LineProfile(fonts=("apt:fonts-nowhere:Nowhere.ttf",))
    with pytest.raises(DataError, match="apt-get install fonts-nowhere"):
        write_lines(tmp_path / "set", 1, 1, profile)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_font_leaves_no_folder_above(tmp_path: Path) -> None:
    profile = LineProfile(fonts=("apt:fonts-nowhere:Nowhere.ttf",))
    with pytest.raises(DataError, match="apt-get install fonts-nowhere"):
        write_lines(tmp_path / "new" / "set", 1, 1, profile)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imwrite", lambda path, image: "000001" not in path)
    with pytest.raises(DataError, match=r"line-000001\.png: cannot be written"):
        write_lines(tmp_path / "set", 3, 1, default_profile())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "set"])
def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="file"):
        write_lines(tmp_path / "file" / inside, 1, 1, default_profile())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["file,label", "note.png,A"], "expected the columns currency, file, text or currency"),
        ([""], "got none"),
        (["file,text,currency"], "no labelled line in it"),
        ([NOTES, "note.png,USD,,"], "no labelled line in it"),
        ([NOTES, 'note.png,USD,A,"[]"'], "no labelled line in it"),
        ([NOTES, 'note.png,USD,A,"[[1,2]]"'], "labels.csv:2: quads: expected a list of eight"),
        ([NOTES, "note.png,USD,,", "note.png,USD,A,[1"], "labels.csv:3: quads"),
        ([NOTES, "note.png,USD,A,7"], "labels.csv:2: quads"),
        (["file,text,currency", "none.png,A,USD"], "none.png: cannot be read: No such file"),
        (["file,text,currency", "labels.csv,A,USD"], "labels.csv: not a picture"),
    ],
)
def test_labels_that_cannot_be_used(
    labelled: Callable[..., Path], rows: list[str], words: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_lines(labelled(*rows))
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [None, b"\xff\xfe", b"file," + b"x" * 200_000])
def test_labels_that_are_none(tmp_path: Path, labels: bytes | None) -> None:
    if labels is not None:
        (tmp_path / "labels.csv").write_bytes(labels)
    with pytest.raises(DataError, match=r"labels\.csv: expected a dataset of serial lines"):
        load_lines(tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        ("file,text,currency", "note.png"),
        ("file,text,currency", "no\0te.png,A,USD"),
        *[(NOTES, f'note.png,USD,A,"[[{x},0,8,0,8,8,0,8]]"') for x in ("NaN", "Infinity", "1e9")],
        (NOTES, "note.png,USD,A," + "[" * 100_000),
    ],
    ids=["short row", "no name", "nan", "inf", "huge", "deep"],
)
def test_labels_that_break_the_reader(labelled: Callable[..., Path], rows: tuple[str, ...]) -> None:
    # Python 3.10 refuses a NUL itself, and names no line.
    with pytest.raises(DataError, match=r"labels\.csv:2|line contains NUL"):
        load_lines(labelled(*rows))


def test_a_group_is_read_where_there_is_one(labelled: Callable[..., Path]) -> None:
    rows = ["file,text,currency,group", "note.png,Ж1,RUB,a", "note.png,,,"]
    first, second = load_lines(labelled(*rows))
    assert (first.text, first.currency, first.group) == ("Ж1", "RUB", "a")
    assert (second.text, second.currency, second.group) == ("", None, "")


def test_notes_are_cut_out_by_their_quads(
    labelled: Callable[..., Path], note: NDArray[np.uint8]
) -> None:
    quads = "[[3,2,11,2,11,6,3,6],[20,10,50,10,50,30,20,30]]"
    first, second = load_lines(labelled(NOTES, f'note.png,KRW,HD7746999K,"{quads}"'))
    assert np.array_equal(first.image, note[2:6, 3:11])
    assert np.array_equal(second.image, note[10:30, 20:50])
    assert (first.name, second.name) == ("note.png#0", "note.png#1")
    assert (first.text, first.currency, first.group) == ("HD7746999K", "KRW", "HD7746999K")


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_straighten_starts_at_the_line_s_own_top_left(note: NDArray[np.uint8], turns: int) -> None:
    """An upside-down line is outlined from its own start, and comes out upright."""
    corners = np.array([[10, 5], [30, 5], [30, 15], [10, 15]], np.float32)
    cut = straighten(note, np.roll(corners, turns, axis=0))
    shape = (10, 20, 3) if turns % 2 == 0 else (20, 10, 3)
    assert cut.shape == shape
    turned = np.rot90(note[5:15, 10:30], -turns)
    difference = np.abs(cut.astype(int) - turned)
    assert difference.max() <= 6  # a pixel's step: edges, not middles, are outlined


def test_straighten_levels_a_slanted_line() -> None:
    image = np.full((80, 120, 3), 200, np.uint8)
    quad = np.array([[20, 20], [90, 40], [85, 57.5], [15, 37.5]], np.float32)
    cv2.fillPoly(image, [quad.round().astype(np.int32)], (10, 60, 110))
    cut = straighten(image, quad)
    assert cut.shape == (18, 73, 3)
    assert (np.abs(cut[3:-3, 3:-3].astype(int) - [10, 60, 110]) <= 2).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0, 0.02, 0.4])
def test_a_damaged_picture(
    tmp_path: Path, note: NDArray[np.uint8], suffix: str, share: float
) -> None:
    path = tmp_path / f"x{suffix}"
    raw = cv2.imencode(suffix, note)[1].tobytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(DataError, match="not a picture, or damaged"):
        read_image(path)


def test_pictures_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", "c.tiff"):
        (tmp_path / name).write_bytes(b"")
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG", "c.tiff"]


@pytest.mark.parametrize("name", ["", "none", "x.txt"])
def test_a_folder_without_pictures(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.txt").write_bytes(b"")
    with pytest.raises(DataError, match=f"{tmp_path / name}: "):
        list_images(tmp_path / name)


def test_labels_are_plain_csv(tmp_path: Path) -> None:
    write_lines(tmp_path / "set", 5, 1, default_profile())
    with (tmp_path / "set" / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "text", "currency"] and len(rows) == 6
