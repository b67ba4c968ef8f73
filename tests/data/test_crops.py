from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.data.samples import Dataset
from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.errors import DataError

CROPS = "{classes: [disc, square], looks: 2, empty: 0.25, span: [1.2, 2.0], margin: 1}"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several shapes, in two splits."""
    folder = tmp_path_factory.mktemp("scenes")
    for split, seed in (("train", 1), ("test", 2)):
        write_boxes(folder / split, 25, seed, BoxesOptions(side=120, most=5))
    return folder


@pytest.fixture
def described(scenes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "windows.yaml"
    path.write_text(f"path: {scenes}\ncrops: {CROPS}\n", encoding="utf-8")
    return path


def _source(scenes: Path, group: str) -> tuple[Dataset, int]:
    dataset = open_dataset(f"{scenes}:train")
    return dataset, next(i for i, s in enumerate(dataset.samples) if s.name == group)


def test_each_window_shows_one_whole_object_or_none(described: Path, scenes: Path) -> None:
    windows = open_dataset(f"{described}:train")
    assert windows.classes == ("disc", "square")
    for window in windows.samples:
        dataset, place = _source(scenes, window.group)
        source, image = dataset.samples[place], window.read()
        assert window.size is not None and image.shape[:2] == window.size[::-1]
        x, y, side = window.read.window  # type: ignore[attr-defined]
        wanted = [dataset.classes[i] in windows.classes for i in source.box_labels]
        boxes = source.boxes[wanted] - (x, y, x, y)
        inside = (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < side).all(1)
        assert np.array_equal(boxes[inside], window.boxes)
        assert len(window.boxes) <= 1
        assert (window.boxes >= 0).all() and (window.boxes <= side).all()


def test_a_window_keeps_its_pixels_and_its_class(described: Path, scenes: Path) -> None:
    windows = open_dataset(f"{described}:train")
    window = next(s for s in windows.samples if len(s.boxes))
    dataset, place = _source(scenes, window.group)
    x, y, side = window.read.window  # type: ignore[attr-defined]
    source = dataset.samples[place]
    assert np.array_equal(window.read(), source.read()[y : y + side, x : x + side])
    near = np.abs(source.boxes - (x, y, x, y) - window.boxes).max(1).argmin()
    name = windows.classes[window.box_labels[0]]
    assert name == dataset.classes[source.box_labels[near]]


def test_shares_splits_and_chance(described: Path) -> None:
    train, test = open_splits(described)
    again = open_dataset(f"{described}:train")
    empty = np.mean([not len(s.boxes) for s in train.samples])
    assert empty == pytest.approx(0.25, abs=0.01)
    assert [s.name for s in again.samples] == [s.name for s in train.samples]
    pairs = zip(again.samples, train.samples, strict=True)
    assert all(np.array_equal(a.read(), b.read()) for a, b in pairs)
    assert not {s.group for s in train.samples} & {s.group for s in test.samples}
    assert check((train, test)).faults == ()


def test_another_seed_draws_other_windows(described: Path) -> None:
    one = [s.size for s in open_dataset(f"{described}:train").samples]
    described.write_text(described.read_text().replace("margin: 1", "margin: 1, seed: 9"))
    two = [s.size for s in open_dataset(f"{described}:train").samples]
    assert one != two


def test_divided_sets_keep_pictures_apart(scenes: Path, tmp_path: Path) -> None:
    path = tmp_path / "divided.yaml"
    shares = "{train: 0.6, test: 0.4}"
    path.write_text(f"path: {scenes}:train\nsplit: {shares}\ncrops: {CROPS}\n")
    train, test = open_splits(path)
    assert train.samples and test.samples
    assert not {s.group for s in train.samples} & {s.group for s in test.samples}


@pytest.mark.parametrize(
    ("crops", "says"),
    [("{classes: [cat]}", "cat: expected some of bar, disc"),
     ("{classes: [disc], empty: 0.9, span: [10, 10]}", "lower crops.empty"),
     ("{classes: [disc], span: [0.5, 2]}", "crops.span.0"),
     ("{classes: []}", "crops.classes")],
)  # fmt: skip
def test_what_cannot_be_cut_is_named(scenes: Path, tmp_path: Path, crops: str, says: str) -> None:
    path = tmp_path / "windows.yaml"
    path.write_text(f"path: {scenes}\ncrops: {crops}\n", encoding="utf-8")
    with pytest.raises(DataError, match=says):
        open_dataset(f"{path}:train")


def test_cells_of_bccd(root: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(real_data))
    train, val, test = open_splits(root / "edgecnn/zoo/recipes/cells.yaml")
    assert [len(d.samples) for d in (train, val, test)] == [1690, 733, 570]
    groups = [{s.group for s in d.samples} for d in (train, val, test)]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert {len(s.boxes) for s in test.samples} == {0, 1}
