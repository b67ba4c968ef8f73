"""Optimizer, moving average and precision of a recipe."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgecnn.train.sections import OptimizerSection


def make_optimizer(model: nn.Module, options: OptimizerSection) -> torch.optim.Optimizer:
    """Build the optimizer over what is trained, without decay on biases and norms."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    rate, momentum = options.learning_rate, options.momentum
    if options.kind == "sgd":
        return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0)
    if options.kind == "rmsprop":
        return torch.optim.RMSprop(groups, rate, alpha=0.9, eps=1e-3, momentum=momentum)
    return torch.optim.AdamW(groups, rate)


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
