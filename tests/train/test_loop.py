from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgecnn.errors import CheckpointError, RecipeError
from edgecnn.models import ReaderOptions, create_reader
from edgecnn.train.checkpoint import load_weights, save_weights
from edgecnn.train.loop import Step, train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.schedule import learning_rate
from edgecnn.train.sections import OptimizerSection, ScheduleSection
from edgecnn.train.tasks.read import GeneratedLines, ReadRecipe, collate, loss


class _Stop(Exception):
    """Stands for whatever ends a run early."""


def test_a_run_leaves_its_inputs_and_results(tiny_recipe: Path, tmp_path: Path) -> None:
    done = train(load_recipe(tiny_recipe), tmp_path / "run")
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {"checkpoint.safetensors", "resume.safetensors", "recipe.yaml", "log.csv",
                     "metrics.json"}  # fmt: skip
    log = (tmp_path / "run" / "log.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(log.splitlines()))
    assert [int(r["samples"]) for r in rows] == [32, 64, 96]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert done.epochs == 3


def test_an_interrupted_run_ends_like_an_unbroken_one(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny_recipe)
    train(recipe, tmp_path / "unbroken")

    def stop(step: Step) -> None:
        if step.seen == 80:  # in the middle of an epoch
            raise _Stop

    with pytest.raises(_Stop):
        train(recipe, tmp_path / "broken", report=stop)
    train(recipe, tmp_path / "broken", resume=True)
    one, two = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("unbroken", "broken"))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_a_folder_with_a_run_is_not_overwritten(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny_recipe, ("optimizer.samples=16",))
    train(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    with pytest.raises(RecipeError, match="--resume"):
        train(recipe, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_resuming_nothing_is_refused(tiny_recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no run to resume"):
        train(load_recipe(tiny_recipe), tmp_path / "nothing", resume=True)


def test_the_rate_rises_stays_and_falls() -> None:
    options = OptimizerSection(samples=1000, batch=10, learning_rate=1.0)
    schedule = ScheduleSection(warmup=0.1, decay=0.5)
    rates = [learning_rate(options, schedule, seen, 1000) for seen in (0, 50, 100, 499, 750, 1000)]
    assert rates == pytest.approx([0.1, 0.6, 1.0, 1.0, 0.5, 0.0], abs=1e-3)


def test_the_alignment_loss_asks_for_each_character_at_its_middle(tiny_recipe: Path) -> None:
    recipe = load_recipe(tiny_recipe)
    assert isinstance(recipe, ReadRecipe)
    lines = GeneratedLines(recipe.data.train, recipe.input)
    batch = collate([lines[i] for i in range(4)])
    columns = recipe.input.width // 4
    logits = torch.zeros(4, columns, 100)
    for row in range(4):
        for place in range(int(batch.lengths[row])):
            column = int(batch.centres[row, place] * columns)
            logits[row, column, batch.targets[row, place]] = 30.0

    class Told(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return logits

    told, ctc = float(loss(Told(), batch, 1.0)), float(loss(Told(), batch, 0.0))
    assert told - ctc < 3.0  # characters that share a column cost a little
    assert float(loss(Told(), collate([lines[i] for i in range(4, 8)]), 1.0)) > told + 20


def test_a_checkpoint_of_another_architecture_is_named(tmp_path: Path) -> None:
    wide, narrow = (create_reader(ReaderOptions("mobilenet_v2", w, 32, 9)) for w in (0.5, 0.25))
    save_weights(wide, tmp_path / "wide.safetensors", {})
    with pytest.raises(CheckpointError, match="another architecture"):
        load_weights(narrow, tmp_path / "wide.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x00" * 64])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a safetensors"):
        load_weights(create_reader(ReaderOptions("mobilenet_v2", 0.25, 32, 9)), path)
