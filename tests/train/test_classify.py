from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.errors import DataError, EdgecnnError, RecipeError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import load_run
from edgecnn.train.tasks.classify import ClassifyRecipe, ClassifyTask, probabilities


def _log(run: Path) -> list[dict[str, str]]:
    text = (run / "log.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_lenet_learns_the_shapes(shapes_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(shapes_recipe, ("optimizer.epochs=25", "optimizer.learning_rate=0.05"))
    done = train(recipe, tmp_path / "run")
    rows = _log(tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert done.value == pytest.approx(max(float(r["validation"]) for r in rows), abs=1e-5)
    assert done.value >= 0.5  # a guess is right a quarter of the time
    assert metrics["kept_epoch"] == done.best_epoch
    assert load_run(tmp_path / "run").classes == ("bar", "disc", "ring", "square")


@pytest.mark.parametrize(
    "overrides",
    [("optimizer.kind=adamw", "optimizer.learning_rate=0.001"),
     ("optimizer.kind=rmsprop", "optimizer.learning_rate=0.001"),
     ("schedule.kind=step", "schedule.steps=[0.3,0.6]"),
     ("loss.label_smoothing=0.1", "loss.mixup=0.2"),
     ("optimizer.ema=0.9",), ("optimizer.precision=auto",),
     ("data.augment.mirror=0.5", "data.augment.rotation=10", "data.augment.crop=[0.8,1]"),
     ("data.workers=1",),
     ("callbacks.reduce_lr_on_plateau.patience=1", "callbacks.early_stopping.patience=2")],
)  # fmt: skip
def test_every_option_trains(
    shapes_recipe: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    done = train(load_recipe(shapes_recipe, overrides), tmp_path / "run")
    rows = _log(tmp_path / "run")
    assert 1 <= done.epochs <= 3
    assert all(np.isfinite(float(r["loss"])) for r in rows)


def test_one_sigmoid_serves_two_classes(shapes_recipe: Path, shapes: Path, tmp_path: Path) -> None:
    import shutil

    for split in ("train", "test"):
        for kind in ("bar", "disc"):
            shutil.copytree(shapes / split / kind, tmp_path / "two" / split / kind)
    keys = (f"data.train={tmp_path / 'two'}:train", f"data.validation={tmp_path / 'two'}:test",
            "loss.kind=sigmoid", "optimizer.epochs=10", "optimizer.learning_rate=0.05")  # fmt: skip
    done = train(load_recipe(shapes_recipe, keys), tmp_path / "run")
    assert done.value >= 0.8
    found = probabilities(torch.tensor([[-50.0], [50.0]]))
    assert np.allclose(found, [[1, 0], [0, 1]])


def test_a_corrupt_picture_is_reported_counted_and_left_out(
    shapes_recipe: Path, shapes: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(shapes, tmp_path / "bad")
    (tmp_path / "bad" / "train" / "disc" / "00001.png").write_bytes(b"torn")
    recipe = load_recipe(shapes_recipe, (f"data.train={tmp_path / 'bad'}:train",))
    told: list[str] = []
    done = train(recipe, tmp_path / "run", notice=told.append)
    assert [f.kind for f in done.faults] == ["unreadable"]
    assert any("00001.png" in line for line in told)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["skipped"] == 1
    with pytest.raises(DataError, match=r"00001\.png"):
        train(recipe, tmp_path / "strict", strict=True)


def test_a_loss_that_is_no_number_ends_the_run(shapes_recipe: Path, tmp_path: Path) -> None:
    keys = ("optimizer.learning_rate=1e30", "optimizer.clip=1e30")
    with pytest.raises(EdgecnnError, match="learning_rate"):
        train(load_recipe(shapes_recipe, keys), tmp_path / "run")


@pytest.mark.parametrize(
    ("override", "says"),
    [("model.architecture=lenet6", "did you mean lenet5"),
     ("model.options.widht=2", "takes no option"),
     ("loss.kind=sigmoid", "two classes"),
     ("data.classes=[a, b]", "bar, disc, ring, square"),
     ("data.train=/absent/folder", "absent")],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    shapes_recipe: Path, tmp_path: Path, override: str, says: str
) -> None:
    with pytest.raises(EdgecnnError, match=says) as caught:
        train(load_recipe(shapes_recipe, (override,)), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "says"),
    [("task=classfy", "expected one of read, classify"),
     ("optimizer.epochs=null", "either samples or epochs"),
     ("optimizer.kind=adam", "adamw"),
     ("transfer.trian=all", "did you mean train"),
     ("data.augment.mirrors=1", "did you mean mirror"),
     ("callbacks.early_stoping={}", "did you mean early_stopping"),
     ("callbacks.early_stopping={patiens: 2}", "did you mean patience"),
     ("model.weights={paht: x}", "did you mean path")],
)  # fmt: skip
def test_a_wrong_key_is_named_with_the_nearest(
    shapes_recipe: Path, override: str, says: str
) -> None:
    with pytest.raises(RecipeError, match=says):
        load_recipe(shapes_recipe, (override,))


def test_the_split_is_seeded_and_by_class(shapes_recipe: Path) -> None:
    recipe = load_recipe(shapes_recipe)
    assert isinstance(recipe, ClassifyRecipe)
    one, two = ClassifyTask(recipe, False), ClassifyTask(recipe, False)
    assert one.epoch_samples == two.epoch_samples == 64
    names = [s.name for s in one._validation.samples]
    assert names == [s.name for s in two._validation.samples]
    assert [sum(c in n for n in names) for c in ("bar", "disc", "ring", "square")] == [4] * 4


def test_a_pickle_needs_to_be_allowed(shapes_recipe: Path, tmp_path: Path) -> None:
    from edgecnn.models import create_backbone

    weights = tmp_path / "lenet.pth"
    torch.save(create_backbone("lenet5", num_classes=4, in_channels=1).state_dict(), weights)
    keys = (f"model.weights={{path: {weights}}}", "optimizer.epochs=1")
    with pytest.raises(EdgecnnError, match="pickle"):
        train(load_recipe(shapes_recipe, keys), tmp_path / "refused")
    allowed = (*keys, "model.weights.allow_pickle=true")
    assert train(load_recipe(shapes_recipe, allowed), tmp_path / "run").epochs == 1
