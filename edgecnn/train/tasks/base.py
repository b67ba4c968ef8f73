"""What the training loop asks of a task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from edgecnn.data.samples import Fault
from edgecnn.train.sections import BaseRecipe


@dataclass(frozen=True)
class Validation:
    """The float model on the validation split."""

    value: float
    """The task's metric; more is better."""
    loss: float


class Batch(Protocol):
    """Inputs and targets of one step."""

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        ...


class HostTask(Protocol):
    """The host side of a task: head, data adaptor, loss and metric."""

    @property
    def recipe(self) -> BaseRecipe:
        """The resolved recipe."""
        ...

    @property
    def metric(self) -> str:
        """Name of the metric that `validate` returns."""
        ...

    @property
    def unit(self) -> str:
        """What a sample is called, in the plural."""
        ...

    @property
    def epoch_samples(self) -> int:
        """Samples of one pass over the training split."""
        ...

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Samples that could not be used."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know before the training starts; complete after `build`."""
        ...

    def build(self) -> nn.Module:
        """Build the network as training starts from it."""
        ...

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the part of the network that `loss` is given: all of it, or a head alone."""
        ...

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the pretrained part, and its learning rate as a share of the rest's."""
        ...

    def hold(self, model: nn.Module) -> None:
        """Keep frozen parts in evaluation mode; called whenever the model was set to training."""
        ...

    def batches(self, start: int, rank: int, world: int) -> Iterable[Batch]:
        """Yield this process's share of each step from sample ``start`` on.

        The order is a function of the position alone, so that a resumed run sees what an unbroken
        one does.
        """
        ...

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the mean loss of a batch; ``progress`` is the share of the run, 0..1."""
        ...

    def validate(self, model: nn.Module) -> Validation:
        """Score the model on the validation split."""
        ...
