"""Optimizer, moving average and precision of a recipe."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgecnn.train.sections import OptimizerSection


def make_optimizer(
    model: nn.Module, options: OptimizerSection, base: nn.Module | None = None, share: float = 1.0
) -> torch.optim.Optimizer:
    """Build the optimizer over what is trained, without decay on biases and norms.

    Args:
        model: the network.
        options: of the recipe.
        base: a part of it that learns more slowly.
        share: its learning rate as a share of the rest's; each group holds its own as "share".
    """
    slow = {id(p) for p in base.parameters()} if base is not None and share != 1 else set()
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        *_groups([p for p in trained if id(p) not in slow], options, 1.0),
        *_groups([p for p in trained if id(p) in slow], options, share),
    ]
    rate, momentum = options.learning_rate, options.momentum
    if options.kind == "sgd":
        return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0)
    if options.kind == "rmsprop":
        return torch.optim.RMSprop(groups, rate, alpha=0.9, eps=1e-3, momentum=momentum)
    return torch.optim.AdamW(groups, rate)


def _groups(
    parameters: list[nn.Parameter], options: OptimizerSection, share: float
) -> list[dict[str, Any]]:
    """Return the groups with and without weight decay, as torch wants them."""
    if not parameters:
        return []
    return [
        {"params": [p for p in parameters if p.ndim > 1], "share": share,
         "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "share": share, "weight_decay": 0.0},
    ]  # fmt: skip


def make_average(model: nn.Module, options: OptimizerSection) -> AveragedModel | None:
    """Build the exponential moving average of weights and buffers, where one is asked for."""
    if not options.ema:
        return None
    average = get_ema_multi_avg_fn(options.ema)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)


def autocast(options: OptimizerSection, device: torch.device) -> AbstractContextManager[object]:
    """Return bf16 autocast where it is asked for and the hardware computes in it."""
    if options.precision == "fp32" or not computes_bf16(device):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def computes_bf16(device: torch.device) -> bool:
    """Tell whether bf16 is native there; emulated bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported())
