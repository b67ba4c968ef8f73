"""The source of an export: a RUN of ``edgecnn train``, loaded as a float model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import CheckpointError
from edgecnn.models import Reader
from edgecnn.train.checkpoint import WEIGHTS, checkpoint_sha256, load_weights
from edgecnn.train.loop import RECIPE
from edgecnn.train.read import build_reader
from edgecnn.train.recipe import Recipe, load_recipe


@dataclass(frozen=True)
class Source:
    """A trained network with the recipe that made it."""

    model: Reader
    """In evaluation mode, every parameter contiguous."""
    recipe: Recipe
    sha256: str
    """Of the checkpoint file."""


def load_run(run: Path) -> Source:
    """Load a RUN.

    Raises:
        CheckpointError: no run, or a checkpoint of another architecture than its recipe's.
        RecipeError: its recipe cannot be read.
    """
    if not (run / RECIPE).is_file():
        raise CheckpointError(
            f"{run}: expected a RUN of edgecnn train, with {RECIPE} and {WEIGHTS}"
        )
    recipe = load_recipe(run / RECIPE)
    model = build_reader(recipe)
    load_weights(model, run / WEIGHTS)
    model.eval()
    for parameter in model.parameters():
        # litert-torch reads raw storage: a strided parameter gives a silently wrong model.
        parameter.data = parameter.data.contiguous()
    return Source(model, recipe, checkpoint_sha256(run / WEIGHTS))
