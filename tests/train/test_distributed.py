"""Two gloo processes with half a batch each give the losses of one with the whole batch."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edgecnn.errors import RecipeError
from edgecnn.train.distributed import Group
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe

COLOUR = ("input.channels=3", "input.colour=rgb", "input.mean=[64,64,64]", "input.std=[64,64,64]")
NETS = {
    "lenet5": (),
    "frozen batch-norm": (
        "model.architecture=mobilenet_v2", "model.options.width=0.25", "model.options.dropout=0",
        *COLOUR, "transfer.batch_norm=frozen",
    ),
}  # fmt: skip
FIFTY_STEPS = ("optimizer.epochs=null", "optimizer.samples=800", "optimizer.batch=16", "epoch=16",
               "schedule.warmup=0", "optimizer.learning_rate=0.01")  # fmt: skip


def _losses(recipe: Path, run: Path, processes: int, sets: tuple[str, ...]) -> list[float]:
    """Train for 50 steps and return the loss of each."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    keys = [part for key in sets for part in ("--set", key)]
    command = [sys.executable, *(torchrun if processes > 1 else []), "-m", "edgecnn", "train",
               str(recipe), "-o", str(run), *keys]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))
    return [float(r["loss"]) for r in rows]


@pytest.mark.parametrize("net", sorted(NETS))
def test_two_processes_are_one_with_the_same_batch(
    shapes_recipe: Path, tmp_path: Path, net: str
) -> None:
    keys = (*FIFTY_STEPS, *NETS[net])
    if net != "lenet5":  # statistics that keep the signal alive come from a run with live ones
        live = ("optimizer.epochs=8", *NETS[net], "transfer.batch_norm=live")
        train(load_recipe(shapes_recipe, live), tmp_path / "live")
        keys = (*keys, f"init={tmp_path / 'live'}")
    alone = _losses(shapes_recipe, tmp_path / "alone", 1, keys)
    shared = _losses(shapes_recipe, tmp_path / "shared", 2, keys)
    assert len(alone) == len(shared) == 50
    assert max(abs(a - b) for a, b in zip(alone, shared, strict=True)) <= 1e-4
    assert len({round(x, 3) for x in alone}) > 10  # something was learned on the way


def test_two_processes_train_an_embedder(people_recipe: Path, tmp_path: Path) -> None:
    """Not as one: each process chooses among its own pictures, and has statistics of its own."""
    losses = _losses(people_recipe, tmp_path / "run", 2, ("loss.kind=margin_softmax",))
    assert losses[-1] < 0.8 * losses[0]


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"optimizer\.batch: 17"):
        Group(0, 2, torch.device("cpu")).share(17)
