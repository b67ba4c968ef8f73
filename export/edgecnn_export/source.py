"""The source of an export: a RUN of ``edgecnn train``, loaded as a float model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from edgecnn.errors import InputError
from edgecnn.train.run import load_run as load_any_run
from edgecnn.train.tasks.read import ReadRecipe


@dataclass(frozen=True)
class Source:
    """A trained network with the recipe that made it."""

    model: nn.Module
    """In evaluation mode, every parameter contiguous."""
    recipe: ReadRecipe
    sha256: str
    """Of the checkpoint file."""


def load_run(run: Path) -> Source:
    """Load a RUN that can be exported.

    Raises:
        CheckpointError: no run, or a checkpoint of another architecture than its recipe's.
        RecipeError: its recipe cannot be read.
        InputError: a run of a task that has no device side yet.
    """
    loaded = load_any_run(run)
    if not isinstance(loaded.recipe, ReadRecipe):
        raise InputError(
            f"{run}: a run of task {loaded.recipe.task}: only read can be exported yet"
        )
    return Source(loaded.model, loaded.recipe, loaded.sha256)
