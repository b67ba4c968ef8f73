"""Loads what a training run left behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import CheckpointError
from edgecnn.train.checkpoint import WEIGHTS, checkpoint_sha256, load_weights
from edgecnn.train.recipe import load_recipe
from edgecnn.train.registry import Recipe, build_network

RECIPE, LOG, METRICS = "recipe.yaml", "log.csv", "metrics.json"


@dataclass(frozen=True)
class LoadedRun:
    """A trained network with the recipe that made it."""

    model: nn.Module
    """In evaluation mode, every parameter contiguous."""
    recipe: Recipe
    sha256: str
    """Of the checkpoint file."""

    @property
    def input(self) -> InputSpec:
        """What the network takes."""
        return self.recipe.input

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty where the task has none."""
        return getattr(self.recipe.data, "classes", ())


def is_run(path: Path) -> bool:
    """Tell whether a path is the folder of a training run."""
    return (path / RECIPE).is_file()


def load_run(run: Path) -> LoadedRun:
    """Load a RUN.

    Raises:
        CheckpointError: no run, or a checkpoint of another architecture than its recipe's.
        RecipeError: its recipe cannot be read.
    """
    if not is_run(run):
        raise CheckpointError(
            f"{run}: expected a RUN of edgecnn train, with {RECIPE} and {WEIGHTS}"
        )
    recipe = load_recipe(run / RECIPE)
    model = build_network(recipe)
    load_weights(model, run / WEIGHTS)
    model.eval()
    for parameter in model.parameters():
        # litert-torch reads raw storage: a strided parameter gives a silently wrong model.
        parameter.data = parameter.data.contiguous()
    return LoadedRun(model, recipe, checkpoint_sha256(run / WEIGHTS))
