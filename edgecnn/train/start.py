"""Fills a network with the weights that its recipe says it starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from torch import nn

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.samples import Dataset
from edgecnn.models.base import ConvNet
from edgecnn.models.weights import WeightsSource, load_pretrained, restore_statistics
from edgecnn.train import checkpoint
from edgecnn.train.pictures import prepared
from edgecnn.train.stream import Shuffle
from edgecnn.train.transfer import TransferSection, freeze

_MEASURED = 256
"""Pictures that the statistics of a folded batch-norm are measured on."""


class _Section(Protocol):
    @property
    def architecture(self) -> str: ...

    @property
    def weights(self) -> WeightsSource | None: ...


class Started(Protocol):
    """The part of a recipe that says where a network starts from."""

    @property
    def init(self) -> str | None:
        """A RUN of the same network."""
        ...

    @property
    def model(self) -> _Section:
        """Architecture and weights of the backbone."""
        ...

    @property
    def transfer(self) -> TransferSection:
        """What of the backbone learns."""
        ...

    @property
    def input(self) -> InputSpec:
        """What the network takes."""
        ...

    @property
    def seed(self) -> int:
        """Of the run."""
        ...


def start(
    model: nn.Module, backbone: ConvNet, recipe: Started, dataset: Dataset, own: str = ""
) -> tuple[str, ...]:  # fmt: skip
    """Fill a network, and freeze what its transfer says.

    Args:
        model: the whole network.
        backbone: its backbone, or the network itself.
        recipe: says where it starts from.
        dataset: the training split.
        own: prefix of what serves learning alone, which `init` need not have.

    Returns:
        What a person should know: which weights were loaded.

    Raises:
        CheckpointError: the weights cannot be loaded.
        RecipeError: the transfer names a part that is not there.
    """
    section = recipe.model
    notices: tuple[str, ...] = ()
    if recipe.init is not None:
        checkpoint.load_start(model, Path(recipe.init) / checkpoint.WEIGHTS, own)
    if section.weights is not None:
        loaded = load_pretrained(backbone, section.weights, architecture=section.architecture)
        text = f"weights: {loaded.tensors} tensors of {loaded.source}, sha256 {loaded.sha256[:12]}"
        text += f"; new: {', '.join(loaded.left_out)}" if loaded.left_out else ""
        notices = (text,)
        if section.weights.layout == "tflite" and recipe.transfer.batch_norm == "live":
            # Its batch-norm is folded: without statistics of the data a live one forgets all.
            restore_statistics(backbone, prepared(_few(dataset, recipe.seed), recipe.input))
    freeze(backbone, recipe.transfer)
    return notices


def _few(dataset: Dataset, seed: int) -> Dataset:
    """Return some pictures, as drawn from all classes."""
    count = len(dataset.samples)
    order = Shuffle(count, seed)
    few = tuple(dataset.samples[order(i)] for i in range(min(_MEASURED, count)))
    return replace(dataset, samples=few)
