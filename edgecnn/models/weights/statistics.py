"""Gives batch-norm layers the statistics of data without changing what the network computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError


@dataclass
class _Moments:
    """Running sums of one layer's input, per channel."""

    count: int = 0
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        values = x.detach().double().transpose(0, 1).flatten(1)
        self.count += values.shape[1]
        self.total = self.total + values.sum(1)
        self.squares = self.squares + values.square().sum(1)

    def finish(self) -> tuple[Tensor, Tensor]:
        """Return mean and unbiased variance, as batch-norm keeps them."""
        mean = torch.as_tensor(self.total) / self.count
        variance = torch.as_tensor(self.squares) / self.count - mean.square()
        return mean, variance.clamp(min=0) * self.count / max(1, self.count - 1)


def restore_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set running mean and variance of every 2-d batch-norm to the data's, and undo them after.

    Weights imported with folded batch-norm hold mean 0 and variance 1, which are not the data's:
    in training mode such a network computes something else than in evaluation mode. Here each
    layer's weight and bias are set so that its output in evaluation mode stays the same.

    Args:
        model: changed in place; its mode is kept.
        batches: (N, C, H, W) inputs like those of the training, on the model's device.

    Raises:
        InputError: there is no batch.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    moments = {norm: _Moments() for norm in norms}
    hooks = [
        norm.register_forward_pre_hook(lambda module, inputs: moments[module].add(inputs[0]))
        for norm in norms
    ]
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                model(batch)
            for norm in norms:
                _set_statistics(norm, moments[norm])
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training


def _set_statistics(norm: nn.BatchNorm2d, moments: _Moments) -> None:
    if moments.count == 0:
        raise InputError("no batch reached a batch-norm layer: expected pictures to measure")
    if norm.running_mean is None or norm.running_var is None:
        raise InputError("a batch-norm layer keeps no running statistics: nothing to restore")
    mean, variance = moments.finish()
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.double() - norm.running_mean.double() * scale
    norm.weight.copy_(scale * (variance + norm.eps).sqrt())
    norm.bias.copy_(shift + mean * scale)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
