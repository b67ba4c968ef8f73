from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.landmarks import mirror_pairs, truth_of, with_landmarks
from edgecnn.data.open import open_dataset
from edgecnn.data.point_scoring import score_points
from edgecnn.data.samples import Dataset
from edgecnn.data.synth.heads import POINTS, SIDE, draw_head, write_heads
from edgecnn.errors import DataError, InputError

Coco = Callable[..., Path]


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("heads") / "set"
    assert write_heads(folder, 60, seed=4) == 60
    return open_dataset(folder)


def test_generated_heads_are_read_as_they_were_drawn(heads: Dataset) -> None:
    assert (heads.points, heads.classes) == (POINTS, ("head",))
    image, marks = draw_head(np.random.default_rng((4, 17)))
    assert np.array_equal(heads.samples[17].read(), image)
    assert np.allclose(heads.samples[17].landmarks, marks, atol=1e-3)
    seen = np.stack([s.landmarks[:, 2] for s in heads.samples])
    assert 0.02 < 1 - seen.mean() < 0.2
    assert image.shape == (SIDE, SIDE, 3)


def test_eyes_are_dark_where_the_landmarks_say(heads: Dataset) -> None:
    for sample in heads.samples[:20]:
        for x, y, seen in sample.landmarks[:2].tolist():
            assert not seen or sample.read()[round(y), round(x)].max() <= 60


def test_heads_are_not_written_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        write_heads(tmp_path, 2, seed=1)


@pytest.mark.parametrize(
    ("names", "pairs"),
    [(POINTS, ((1, 0), (4, 3))), (("nose", "chin"), ()), (("left_eye", "nose"), ()),
     (("eye left", "tail", "eye right"), ((0, 2),))],
)  # fmt: skip
def test_pairs_are_told_by_left_and_right(
    names: tuple[str, ...], pairs: tuple[tuple[int, int], ...]
) -> None:
    assert mirror_pairs(names) == pairs


def test_coco_names_the_points_of_the_only_category_that_has_any(coco: Coco) -> None:
    names = ["head", "tail", "wing"]
    one = {"id": 20, "name": "nut", "keypoints": names}
    two = {"id": 5, "name": "bolt", "keypoints": ["a"]}
    assert open_dataset(coco(categories=[one, {"id": 5, "name": "bolt"}])).points == tuple(names)
    assert open_dataset(coco(categories=[one, two])).points == ()


def test_samples_without_every_point_are_faults(coco: Coco) -> None:
    dataset = open_dataset(coco())  # b.png has two things and no points
    found, faults = with_landmarks(dataset, strict=False)
    assert found.points == ("point0", "point1", "point2")
    assert [s.name for s in found.samples] == ["images/a.png"]
    assert [(f.file, f.kind) for f in faults] == [("images/b.png", "no-landmarks")]
    with pytest.raises(DataError, match=r"images/b\.png"):
        with_landmarks(dataset, strict=True)
    bare = tuple(replace(s, landmarks=np.zeros((0, 3), np.float32)) for s in dataset.samples)
    with pytest.raises(DataError, match="with landmarks, got none"):
        with_landmarks(replace(dataset, samples=bare), strict=False)


def test_errors_are_measured_between_the_eyes_or_by_the_diagonal(heads: Dataset) -> None:
    by_diagonal, by_eyes = truth_of(heads, None), truth_of(heads, (0, 1))
    assert np.allclose(by_diagonal.scale, SIDE * np.sqrt(2))
    blind = ~by_eyes.visible[:, :2].all(1)
    assert blind.any() and np.array_equal(np.isnan(by_eyes.scale), blind)
    one, two = by_eyes.places[~blind, 0], by_eyes.places[~blind, 1]
    assert np.allclose(by_eyes.scale[~blind], np.linalg.norm(one - two, axis=1))
    with pytest.raises(DataError, match=r"0\.\.4"):
        truth_of(heads, (0, 5))


def test_a_known_error_gets_its_score(heads: Dataset) -> None:
    truth = truth_of(heads, (0, 1))
    shift = np.zeros((60, 5, 2), np.float32)
    shift[:, 2, 0] = 0.07 * np.nan_to_num(truth.scale)  # the nose alone, by 7 %
    shift[~truth.visible] = 1e6  # where nothing is seen a place means nothing
    found = score_points(truth.places + shift, truth.visible.astype(np.float32), truth, POINTS)
    scored = np.isfinite(truth.scale)
    seen = truth.visible[scored]
    nose = (seen[:, 2] / seen.sum(1)).mean()
    assert found.nme == pytest.approx(0.07 * nose, rel=1e-4)
    assert found.nme_low < found.nme < found.nme_high
    assert found.pck_5 == pytest.approx(1 - nose) and found.pck_10 == 1
    assert (found.visibility, found.samples) == (1, int(scored.sum()))
    assert found.unmeasured == 60 - found.samples
    assert found.per_point["nose"] == 0 and found.per_point["left_eye"] == 1
    assert np.mean(found.credits) == pytest.approx(found.pck_5)


def test_nothing_to_score_is_said(heads: Dataset) -> None:
    truth = truth_of(heads, None)
    hidden = replace(truth, visible=np.zeros_like(truth.visible))
    with pytest.raises(DataError, match="nothing to score"):
        score_points(truth.places, np.ones((60, 5), np.float32), hidden, POINTS)
