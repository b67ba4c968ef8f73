"""The `embed` task: small trainings on generated patterns, by every loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from edgecnn.cli.evaluate import command as evaluate
from edgecnn.data.open import open_dataset
from edgecnn.data.pair_scoring import people_of
from edgecnn.errors import RecipeError
from edgecnn.train.embed_recipe import EmbedRecipe
from edgecnn.train.loop import train
from edgecnn.train.people import usable_people
from edgecnn.train.recipe import load_recipe
from edgecnn.train.registry import make_task
from edgecnn.train.run import load_run
from edgecnn.train.tasks.embed import EmbedTask, score_model

LOSSES = {
    "siamese": ("loss.kind=siamese",),
    "binary": ("loss.kind=binary",),
    "random": ("loss.choice=random",),
    "hard": ("loss.choice=hard",),
    "semi_hard": ("loss.choice=semi_hard",),
    "arcface": ("loss.kind=margin_softmax", "loss.scale=16"),
    "cosface": ("loss.kind=margin_softmax", "loss.form=cosface", "loss.scale=16"),
}


def _task(path: Path, *overrides: str) -> EmbedTask:
    task = make_task(load_recipe(path, overrides))
    assert isinstance(task, EmbedTask)
    return task


@pytest.fixture
def teacher(people: Path, tmp_path: Path) -> str:
    """A teacher that knows everybody: a direction of its own for each."""
    dataset = open_dataset(people / "train")
    directions = np.random.default_rng(0).normal(size=(12, 16)).astype(np.float32)
    names = np.array([s.name for s in dataset.samples])
    np.savez(tmp_path / "teacher.npz", names=names,
             vectors=directions[people_of(dataset)])  # fmt: skip
    return f"data.teacher={tmp_path / 'teacher.npz'}"


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_brings_the_pictures_of_a_person_together(
    people_recipe: Path, people: Path, tmp_path: Path, name: str
) -> None:
    keys = (*LOSSES[name], "optimizer.epochs=20")
    task = _task(people_recipe, *keys)
    shown, _ = usable_people(open_dataset(people / "train"), strict=True)
    before = score_model(task.build(), task.recipe.input, shown)
    done = train(load_recipe(people_recipe, keys), tmp_path / "run")
    loaded = load_run(tmp_path / "run")
    assert score_model(loaded.model, loaded.input, shown).eer < 0.7 * before.eer
    # What was kept is what was scored on people who did not train.
    kept = task.validate(loaded.model)
    assert done.metric == "tar_fmr_1e-2" and done.value == pytest.approx(kept.value, abs=1e-6)


def test_a_teacher_is_imitated(people_recipe: Path, tmp_path: Path, teacher: str) -> None:
    keys = ("loss.kind=distill", teacher, "data.augment={mirror: 0.5}")
    train(load_recipe(people_recipe, keys), tmp_path / "run")
    losses = np.genfromtxt(tmp_path / "run" / "log.csv", delimiter=",", names=True)["loss"]
    assert losses[-1] < 0.6 * losses[0]


def test_a_resumed_run_equals_an_unbroken_one(people_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(people_recipe, ("loss.choice=random", "optimizer.epochs=2"))
    assert train(recipe, tmp_path / "whole").epochs == 2

    def stop(step: object) -> None:
        if (tmp_path / "broken" / "resume.safetensors").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "broken", report=stop)
    train(recipe, tmp_path / "broken", resume=True)
    one, two = (load_run(tmp_path / name).model.state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_run_names_nobody_and_gives_vectors_alone(people_recipe: Path, tmp_path: Path) -> None:
    keys = ("loss.kind=margin_softmax", "optimizer.epochs=1")
    train(load_recipe(people_recipe, keys), tmp_path / "run")
    assert "s1-p0" not in (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8")
    loaded = load_run(tmp_path / "run")
    assert isinstance(loaded.recipe, EmbedRecipe) and loaded.recipe.data.people == 12
    assert loaded.model(torch.zeros(2, 1, 32, 32)).shape == (2, 16)


def test_evaluate_says_what_training_said(
    people_recipe: Path, people: Path, tmp_path: Path
) -> None:
    done = train(load_recipe(people_recipe, ("optimizer.epochs=1",)), tmp_path / "run")
    arguments = [str(tmp_path / "run"), str(people / "val"), "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).output)
    assert (found["metric"], found["variant"]) == ("tar_fmr_1e-2", "torch-fp32")
    assert found["value"] == pytest.approx(done.value, abs=1e-6)
    assert (found["samples"], found["people"]) == (48, 8)
    assert found["pairs"] == {"same": 120, "different": 1008}
    plain = CliRunner().invoke(evaluate, arguments[:-1]).output
    assert "equal error rate" in plain


def test_processes_share_whole_people(people_recipe: Path) -> None:
    task = _task(people_recipe)
    whole = next(iter(task.batches(0, 0, 1)))
    halves = [next(iter(task.batches(0, rank, 2))) for rank in range(2)]
    assert torch.equal(torch.cat([h.pixels for h in halves]), whole.pixels)
    assert [len(set(h.people.tolist())) for h in halves] == [3, 3]
    with pytest.raises(RecipeError, match="whole people of 4"):
        next(iter(task.batches(0, 0, 4)))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("loss.kind=distill",), "data.teacher goes with"),
        (("optimizer.batch=22",), "multiple of data.pictures_each, 4, got 22"),
        (("optimizer={batch: 24, samples: 100}",), "whole steps of 24"),
        (("data.validation={train}",), "nobody may train and choose"),
        (("data.least=7",), "nobody in"),
        (("optimizer.batch=64",), "need 16 people"),
        (("model.options={wide: 2}",), "no option"),
        (("loss.margin=0",), "margin"),
        (("input.resize=none",), "stretch or letterbox"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(
    people_recipe: Path, people: Path, tmp_path: Path, keys: tuple[str, ...], message: str
) -> None:
    filled = tuple(k.replace("{train}", str(people / "train")) for k in keys)
    with pytest.raises(RecipeError, match=message):
        train(load_recipe(people_recipe, filled), tmp_path / "run")


def test_a_teacher_of_other_vectors_is_refused(people_recipe: Path, teacher: str) -> None:
    with pytest.raises(RecipeError, match="have 16 numbers, got 8"):
        _task(people_recipe, "loss.kind=distill", teacher, "model.size=8")


def test_the_validation_share_is_of_people(people_recipe: Path) -> None:
    task = _task(people_recipe, "data.validation=0.25")
    assert task.notices[-1] == "54 pictures of 9 people train, 18 of 3 choose"
