from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from edgecnn.cli.evaluate import command as evaluate
from edgecnn.data.augment import LabelledPicture
from edgecnn.data.synth.heads import POINTS, write_heads
from edgecnn.errors import EdgecnnError, RecipeError
from edgecnn.train.landmark_losses import heatmap_loss, wing_loss
from edgecnn.train.landmark_stream import LandmarkBatch, prepare
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import load_run
from edgecnn.train.tasks.landmarks import LandmarksRecipe, LandmarksTask

SEEN = torch.ones(1, 1)
STRIDES = [[2, 2], [1, 1], [2, 2], [2, 2], [1, 1], [1, 1], [1, 1], [1, 1]]
"""8 in all: of 32 pixels are left 4 x 4 places."""


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets train (160 pictures) and test (60)."""
    folder = tmp_path_factory.mktemp("heads")
    write_heads(folder / "train", 160, seed=1)
    write_heads(folder / "test", 60, seed=2)
    return folder


@pytest.fixture
def recipe_file(tmp_path: Path, heads: Path) -> Path:
    content: dict[str, Any] = {
        "name": "heads",
        "task": "landmarks",
        "seed": 1,
        "input": {"height": 32, "width": 32, "channels": 1, "colour": "grey",
                  "mean": [90], "std": [60]},
        "model": {"architecture": "mobilenet_v2", "channels": 32, "map_stride": 2,
                  "options": {"width": 0.25, "feature_channels": 32, "strides": STRIDES}},
        "optimizer": {"learning_rate": 0.004, "batch": 16, "epochs": 2},
        "normalizer": [0, 1],
        "data": {"train": str(heads / "train"), "validation": 0.25, "workers": 0},
        "licence": "Apache-2.0",
        "provenance": "generated heads",
    }  # fmt: skip
    path = tmp_path / "heads.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _recipe(path: Path, *overrides: str) -> LandmarksRecipe:
    recipe = load_recipe(path, overrides)
    assert isinstance(recipe, LandmarksRecipe)
    return recipe


def _first_batch(recipe: LandmarksRecipe) -> LandmarkBatch:
    return next(iter(LandmarksTask(recipe, False).batches(0, 0, 1)))


@pytest.mark.parametrize(
    "keys",
    [("optimizer.epochs=12",),
     ("model={architecture: lenet5, method: regression}", "optimizer.epochs=20")],
)  # fmt: skip
def test_heads_are_learnt_and_scored_alike_by_training_and_evaluate(
    recipe_file: Path, heads: Path, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    all_keys = (*keys, f"data.validation={heads / 'test'}")
    done = train(load_recipe(recipe_file, all_keys), tmp_path / "run")
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert float(rows[-1]["validation_loss"]) < float(rows[0]["validation_loss"])
    arguments = [str(tmp_path / "run"), str(heads / "test"), "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).output)
    assert (found["metric"], found["variant"]) == ("pck_5", "torch-fp32")
    assert found["value"] == pytest.approx(done.value, abs=1e-5)
    assert found["nme"]["mean"] < 0.35  # each point's mean place, always, has 0.43
    assert set(found["per_class"]) <= set(POINTS)
    assert load_run(tmp_path / "run").recipe.data == _recipe(tmp_path / "run" / "recipe.yaml").data


def test_a_resumed_run_equals_an_unbroken_one(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file, ("data.augment={mirror: 0.5, rotation: 20}",))
    assert train(recipe, tmp_path / "whole").epochs == 2

    def stop(step: object) -> None:
        if (tmp_path / "broken" / "resume.safetensors").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "broken", report=stop)
    train(recipe, tmp_path / "broken", resume=True)
    one, two = (load_run(tmp_path / name).model.state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_mirrored_picture_swaps_left_and_right_points(recipe_file: Path) -> None:
    plain = _first_batch(_recipe(recipe_file))
    recipe = _recipe(recipe_file, "data.augment.mirror=1")
    mirrored = _first_batch(recipe)
    swapped = [POINTS.index(name) for name in
               ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")]  # fmt: skip
    assert torch.allclose(mirrored.pixels, plain.pixels.flip(3), atol=0.05)
    assert torch.equal(mirrored.visible, plain.visible[:, swapped])
    seen = mirrored.visible > 0
    expected = plain.places[:, swapped].clone()
    expected[..., 0] = 1 - expected[..., 0]
    assert torch.allclose(mirrored.places[seen], expected[seen], atol=1e-5)
    assert not torch.allclose(plain.places[..., 0][seen], expected[..., 0][seen], atol=0.05)
    # The right eye stays at the left of the picture, whoever looks out of it.
    assert (mirrored.places[:, 0, 0] < mirrored.places[:, 1, 0])[seen[:, :2].all(1)].all()


def test_mirror_pairs_of_the_recipe_win_and_are_kept_in_the_run(recipe_file: Path) -> None:
    told = LandmarksTask(_recipe(recipe_file, "data.augment.mirror=0.5"), False)
    assert told.recipe.data.augment.mirror_pairs == ((1, 0), (4, 3))
    keys = ("data.augment.mirror=0.5", "data.augment.mirror_pairs=[[0, 1]]")
    given = LandmarksTask(_recipe(recipe_file, *keys), False)
    assert given.recipe.data.augment.mirror_pairs == ((0, 1),)
    assert LandmarksTask(_recipe(recipe_file), False).recipe.data.augment.mirror_pairs == ()


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_places_are_shares_of_the_input(recipe_file: Path, resize: str) -> None:
    spec = _recipe(recipe_file, f"input.resize={resize}").input
    image = np.zeros((20, 80), np.uint8)
    image[8:12, 56:64] = 255  # about (59.5, 9.5)
    item = prepare(LabelledPicture(image, landmarks=np.array([[59.5, 9.5, 1]], np.float32)), spec)
    y, x = np.nonzero(item.pixels[..., 0] > item.pixels.mean() + 1)
    middle = np.array((x.mean() + 0.5, y.mean() + 0.5)) / 32
    assert np.allclose(item.places[0], middle, atol=0.02)


def test_the_heat_map_loss_is_least_at_the_truth() -> None:
    places = torch.tensor([[[0.3, 0.6]]])
    y, x = torch.meshgrid(torch.arange(8) + 0.5, torch.arange(8) + 0.5, indexing="ij")

    def loss(across: float, down: float) -> float:
        maps = -((x - 8 * across) ** 2 + (y - 8 * down) ** 2) / 2
        return float(heatmap_loss(maps[None, None], places, SEEN, 1.0))

    best = loss(0.3, 0.6)
    assert all(loss(0.3 + dx, 0.6 + dy) > best for dx, dy in ((0.03, 0), (-0.03, 0), (0, 0.05)))


@pytest.mark.parametrize(("pixels", "value"), [(0, 0), (2, 6.9315), (10, 17.9176), (20, 27.9176)])
def test_the_wing_loss_has_the_values_of_its_paper(pixels: float, value: float) -> None:
    found = torch.tensor([[0.5 + pixels / 40, 0.5 + pixels / 20]])
    places = torch.tensor([[[0.5, 0.5]]])
    got = wing_loss(found, places, SEEN, (20, 40), 10.0, 2.0)
    assert float(got) == pytest.approx(value, abs=1e-3)  # 10 ln(1 + x / 2), then x - C


@pytest.mark.parametrize("method", ["heatmap", "regression"])
def test_the_place_of_an_unseen_point_means_nothing(recipe_file: Path, method: str) -> None:
    task = LandmarksTask(_recipe(recipe_file, f"model.method={method}"), False)
    batch, model = _first_batch(task.recipe), task.build().eval()
    visible = torch.zeros_like(batch.visible)
    visible[:, 2] = 1
    values = []
    for shift in (0.0, 0.3):
        moved = batch.places + shift
        moved[:, 2] = batch.places[:, 2]
        shifted = LandmarkBatch(batch.pixels, moved, visible)
        values.append(float(task.loss(model, shifted, 0).detach()))
    assert values[0] == values[1] > 0


@pytest.mark.parametrize(
    ("override", "says"),
    [("model.architecture=mobilenet_v3", "did you mean mobilenet_v2"),
     ("model.method=maps", "heatmap"), ("input.resize=none", "stretch or letterbox"),
     ("normalizer=[0, 7]", r"0\.\.4"), ("data.points=[a, b]", "right_eye, left_eye"),
     ("data.augment={mirror: 0.5, mirror_pairs: [[0, 9]]}", "got 9"),
     ("input={height: 32, width: 44, channels: 1, colour: grey, mean: [0], std: [1]}",
      "multiple of 32")],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    recipe_file: Path, tmp_path: Path, override: str, says: str
) -> None:
    with pytest.raises(EdgecnnError, match=says):
        train(load_recipe(recipe_file, (override,)), tmp_path / "run")


def test_other_points_are_refused_by_evaluate(recipe_file: Path, tmp_path: Path) -> None:
    keys = ("optimizer.epochs=1", "optimizer.samples=null")
    train(load_recipe(recipe_file, keys), tmp_path / "run")
    write_heads(tmp_path / "set", 4, seed=3)
    labels = tmp_path / "set" / "labels.json"
    labels.write_text(labels.read_text().replace('"nose"', '"snout"'))
    result = CliRunner().invoke(evaluate, [str(tmp_path / "run"), str(tmp_path / "set")])
    assert isinstance(result.exception, EdgecnnError) and "snout" in str(result.exception)
    assert not isinstance(result.exception, RecipeError)
