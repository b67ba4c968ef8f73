"""The training ground on real sets; skips where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.data.open import open_dataset
from edgecnn.train.evaluate import evaluate_runs
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe


def test_lenet_reads_mnist_after_a_short_run(
    real_data: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(real_data))
    short = (
        "optimizer.epochs=null",
        "optimizer.samples=12000",
        "data.workers=0",
        "data.augment={}",
    )
    recipe = load_recipe(root / "edgecnn/zoo/recipes/mnist-lenet5.yaml", short)
    train(recipe, tmp_path / "run")
    (row,) = evaluate_runs([tmp_path / "run"], open_dataset("mnist:test"))
    assert row.score.samples == 10_000
    assert row.score.accuracy > 0.9


def test_a_head_on_cached_imagenet_features_tells_real_pictures_apart(
    real_data: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(real_data))
    sets = root / "edgecnn/zoo/recipes/sign-digits-set.yaml"
    keys = (
        "transfer.train=classifier", f"transfer.cache={tmp_path / 'features'}", "data.augment={}",
        f"data.train={sets}:train", f"data.validation={sets}:validation", "input.height=96",
        "input.width=96", "optimizer.epochs=30", "optimizer.learning_rate=0.003",
    )  # fmt: skip
    recipe = load_recipe(root / "edgecnn/zoo/recipes/cifar10-head.yaml", keys)
    told: list[str] = []
    done = train(recipe, tmp_path / "run", notice=told.append)
    assert done.value > 0.4  # ten signs, 300 pictures, a base that never saw a hand sign
    assert any("new: classifier.1.bias" in line for line in told)
