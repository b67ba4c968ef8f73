"""The source of an export: a RUN of ``edgecnn train``, with what the gate asks of its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.train.registry import Recipe
from edgecnn.train.run import load_run
from edgecnn.train.tasks.classify import ClassifyRecipe
from edgecnn.vision.preprocess import preprocess
from edgecnn_export.calibration import sample_hash
from edgecnn_export.tasks.base import GateSet, GateTask, Outputs
from edgecnn_export.tasks.classify import ClassifyGate
from edgecnn_export.tasks.read import ReadGate

BATCH = 32


@dataclass(frozen=True)
class Inferred:
    """What the float model makes of a gate set."""

    outputs: Outputs
    hashes: tuple[str, ...]
    """Of each prepared picture, to tell whether calibration has seen it."""


@dataclass(frozen=True)
class Source:
    """A trained network with the recipe that made it."""

    model: nn.Module
    """In evaluation mode, every parameter contiguous."""
    recipe: Recipe
    task: GateTask
    sha256: str
    """Of the checkpoint file."""

    @property
    def architecture(self) -> str:
        """Describe the network for a person."""
        model = self.recipe.model
        if isinstance(self.recipe, ClassifyRecipe):
            options = (f"{k} {v}" for k, v in self.recipe.model.options.items())
            return ", ".join((model.architecture, *options))
        return f"{model.architecture}, width {self.recipe.model.width:g}, read head"

    @torch.inference_mode()
    def infer(self, gate: GateSet) -> Inferred:
        """Run the float model over a gate set; each picture is read once, as it is needed."""
        parts: list[Outputs] = []
        hashes: list[str] = []
        for first in range(0, len(gate.pictures), BATCH):
            some = gate.pictures[first : first + BATCH]
            inputs = np.stack([preprocess(read(), self.recipe.input) for read in some])
            hashes += [sample_hash(x) for x in inputs]
            parts.append(self.model(torch.from_numpy(inputs).permute(0, 3, 1, 2)).numpy())
        return Inferred(np.concatenate(parts), tuple(hashes))


def open_source(run: Path) -> Source:
    """Load a RUN.

    Raises:
        CheckpointError: no run, or a checkpoint of another architecture than its recipe's.
        RecipeError: its recipe cannot be read.
        InputError: its input has another layout than nhwc, which serves both formats.
    """
    loaded = load_run(run)
    if loaded.input.layout != "nhwc":
        raise InputError(f"{run}: recipes are exported with layout nhwc, got {loaded.input.layout}")
    recipe = loaded.recipe
    task = ClassifyGate(recipe) if isinstance(recipe, ClassifyRecipe) else ReadGate(recipe)
    return Source(loaded.model, recipe, task, loaded.sha256)
