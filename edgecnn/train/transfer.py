"""Transfer learning, three ways: train everything, the late layers, or the classifier alone.

What is frozen stays in evaluation mode: no gradient, no dropout, and batch-norm neither uses nor
updates the statistics of the batch. Where a pretrained base is trained at all, its batch-norm stays
frozen too unless asked otherwise: small data would spoil the statistics it came with.
"""

from __future__ import annotations

import difflib
from typing import Literal

from pydantic import Field, model_validator
from torch import nn

from edgecnn.errors import RecipeError
from edgecnn.models.base import ConvNet
from edgecnn.train.sections import Strict

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


class TransferSection(Strict):
    """Which part of a network learns."""

    train: Literal["all", "late", "classifier"] = "all"
    """all: everything (A); late: what comes after `freeze_until` (B); classifier: it alone (C)."""
    freeze_until: str | None = None
    """late: the last module to freeze, by the name that `edgecnn inspect` prints."""
    batch_norm: Literal["live", "frozen"] = "live"
    """frozen: batch-norm of the trained part keeps the statistics it came with, too."""
    rate: float = Field(1.0, gt=0, le=1)
    """Learning rate of the pretrained base as a share of that of what is new."""
    cache: str | None = None
    """classifier: a file that keeps what the frozen base gives for each picture, made once."""

    @model_validator(mode="after")
    def _fits(self) -> TransferSection:
        if (self.train == "late") != (self.freeze_until is not None):
            raise ValueError("freeze_until goes with train: late, and train: late needs it")
        if self.cache is not None and self.train != "classifier":
            raise ValueError("cache goes with train: classifier: else the features change")
        return self


def freeze(model: ConvNet, options: TransferSection) -> None:
    """Take the gradient from what a transfer freezes."""
    for module in _frozen(model, options):
        module.requires_grad_(False)


def hold(model: ConvNet, options: TransferSection) -> None:
    """Put what is frozen back into evaluation mode, after ``model.train()``."""
    for module in _frozen(model, options):
        module.eval()
    if options.batch_norm == "frozen":
        for module in model.modules():
            if isinstance(module, _NORMS):
                module.eval()


def _frozen(model: ConvNet, options: TransferSection) -> list[nn.Module]:
    """Return the modules that do not learn, in the order of the network."""
    if options.train == "all":
        return []
    if options.train == "classifier":
        return [model.features]
    leaves = [
        (f"features.{name}" if name else "features", module)
        for name, module in model.features.named_modules()
    ]
    names = [name for name, _ in leaves]
    wanted = str(options.freeze_until)
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "see edgecnn inspect"
        raise RecipeError(f"transfer.freeze_until: the network has no module {wanted}: {hint}")
    # Everything registered before the named module, and the module itself with its parts.
    last = max(i for i, name in enumerate(names) if name == wanted or name.startswith(wanted + "."))
    return [
        module for name, module in leaves[: last + 1]
        if not any(other.startswith(name + ".") for other in names[last + 1 :]) and name
    ]  # fmt: skip
