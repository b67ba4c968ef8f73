from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edgecnn.cli.evaluate import command
from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Sample
from edgecnn.errors import DataError
from edgecnn.train.evaluate import evaluate_runs
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe


@pytest.fixture
def runs(shapes_recipe: Path, tmp_path: Path) -> tuple[Path, Path]:
    for seed in (1, 2):
        keys = (f"seed={seed}", "optimizer.epochs=8", "optimizer.learning_rate=0.05")
        train(load_recipe(shapes_recipe, keys), tmp_path / f"run-{seed}")
    return tmp_path / "run-1", tmp_path / "run-2"


def test_each_way_is_scored_with_what_it_costs(runs: tuple[Path, Path], shapes: Path) -> None:
    rows = evaluate_runs(runs, open_dataset(f"{shapes}:test"), crops=10)
    assert [r.name for r in rows] == [
        "run-1", "run-2", "ensemble of 2", "run-1, 10 crops", "run-2, 10 crops",
        "ensemble of 2, 10 crops",
    ]  # fmt: skip
    assert [r.passes for r in rows] == [1, 1, 2, 10, 10, 20]
    assert rows[0].gain is None
    assert all(r.ms > 0 and r.score.samples == 40 for r in rows)
    assert rows[2].score.accuracy > 0.5


def test_the_command_prints_every_way(runs: tuple[Path, Path], shapes: Path) -> None:
    arguments = [str(runs[0]), f"{shapes}:test", "--ensemble", str(runs[1]), "--crops", "2"]
    done = CliRunner().invoke(command, [*arguments, "--json"])
    found = json.loads(done.output)
    assert (found["task"], found["samples"]) == ("classify", 40)
    assert found["value"] == found["ways"][-1]["value"]
    assert set(found["per_class"]) == {"bar", "disc", "ring", "square"}
    assert "ensemble of 2" in CliRunner().invoke(command, arguments).output


def test_another_set_of_classes_is_refused(
    runs: tuple[Path, Path], shapes: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(shapes / "test" / "bar", tmp_path / "other" / "stick")
    shutil.copytree(shapes / "test" / "disc", tmp_path / "other" / "disc")
    with pytest.raises(DataError, match="stick"):
        evaluate_runs(runs[:1], open_dataset(tmp_path / "other"))


def test_ten_crops_read_each_picture_once(runs: tuple[Path, Path], shapes: Path) -> None:
    dataset = open_dataset(f"{shapes}:test")
    reads: list[str] = []

    def counted(sample: Sample) -> Sample:
        def read() -> NDArray[np.uint8]:
            reads.append(sample.name)
            return sample.read()

        return replace(sample, read=read)

    watched = replace(dataset, samples=tuple(counted(s) for s in dataset.samples))
    rows = evaluate_runs(runs[:1], watched, crops=10)
    assert len(reads) == 2 * len(dataset.samples)  # alone, and with the crops
    assert rows[1].passes == 10
    assert rows[1].score.samples == 40
