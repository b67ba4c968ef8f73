"""A run whose process is really killed goes on to the result of an unbroken one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe

KEYS = ("optimizer.epochs=12", "optimizer.ema=0.9", "loss.mixup=0.2", "data.augment.rotation=10",
        "callbacks.reduce_lr_on_plateau.patience=2")  # fmt: skip


def _run(command: list[str], **environment: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)


def _command(recipe: Path, run: Path) -> list[str]:
    sets = [part for key in KEYS for part in ("--set", key)]
    resume = ["--resume"] if (run / "recipe.yaml").exists() else []
    return [sys.executable, "-m", "edgecnn", "train", str(recipe), "-o", str(run), *sets, *resume]


def _kill_after(epochs: int, command: list[str], run: Path, **environment: str) -> bool:
    """Kill the process once its log has so many rows; tell whether it was killed."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | environment
    )
    log = run / "log.csv"
    while process.poll() is None:
        if log.exists() and len(log.read_text(encoding="utf-8").splitlines()) > epochs:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.003)
    errors = process.communicate()[1].decode()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


def _state(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "resume.safetensors") | load_file(run / "checkpoint.safetensors")


def _check_equal(unbroken: Path, broken: Path) -> None:
    one, two = _state(unbroken), _state(broken)
    assert one.keys() == two.keys()
    # Two unbroken runs, too, differ now and then in the last bit: a sum over threads.
    assert [n for n in one if not torch.allclose(one[n], two[n], rtol=1e-5, atol=1e-6)] == []
    last = [json.loads((run / "metrics.json").read_text())["loss"] for run in (unbroken, broken)]
    assert last[0] == pytest.approx(last[1], abs=1e-6)
    assert not list(broken.glob(".*"))


def test_a_killed_run_ends_like_an_unbroken_one(shapes_recipe: Path, tmp_path: Path) -> None:
    # Both in processes of their own: what else this one did must not matter.
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    _run(_command(shapes_recipe, unbroken))
    killed = [_kill_after(at, _command(shapes_recipe, broken), broken) for at in (0, 2, 6)]
    assert sum(killed) >= 2
    _run(_command(shapes_recipe, broken))
    _check_equal(unbroken, broken)


def test_a_run_is_resumed_with_the_threads_it_began_with(
    shapes_recipe: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # Stopped after 6 of 12 epochs, as a kill would, and resumed where there is one thread.
    while not _kill_after(6, _command(shapes_recipe, run), run, OMP_NUM_THREADS="2"):
        shutil.rmtree(run)
    _run(_command(shapes_recipe, run), OMP_NUM_THREADS="1")
    with safe_open(str(run / "resume.safetensors"), framework="pt") as file:
        assert file.metadata()["threads"] == "2"


def test_a_run_of_another_recipe_is_not_resumed(shapes_recipe: Path, tmp_path: Path) -> None:
    from edgecnn.errors import RecipeError

    train(load_recipe(shapes_recipe), tmp_path / "run")
    with pytest.raises(RecipeError, match="another recipe"):
        train(load_recipe(shapes_recipe, ("seed=2",)), tmp_path / "run", resume=True)
