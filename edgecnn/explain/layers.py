"""Finds layers by name and reads what they give, leaving the network as it was."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgecnn.errors import InputError

LAST = "features"
"""The layer of every `ConvNet` that gives its last feature map."""


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """Return a layer by its dotted name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    layers: dict[str, nn.Module] = dict(model.named_modules())
    if name and name in layers:
        return layers[name]
    near = difflib.get_close_matches(name, layers, n=3, cutoff=0.4) or [n for n in layers if n][:3]
    raise InputError(f"no layer {name!r}: expected a dotted name such as {', '.join(near)}")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network in evaluation mode; afterwards every part is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def run_tapped(
    model: nn.Module, x: Tensor, name: str, tap: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Run a network with one feature map replaced on its way.

    Args:
        model: maps ``x`` to logits.
        x: (1, C, H, W).
        name: the layer whose output is tapped; of several calls, the last counts.
        tap: gets the output (1, channels, H', W'); a copy of what it returns goes on.

    Returns:
        The logits, and what ``tap`` returned.

    Raises:
        InputError: not one picture, no such layer, or a layer that gives no feature map.
    """
    if x.ndim != 4 or len(x) != 1:
        raise InputError(f"expected one picture as (1, C, H, W), got {tuple(x.shape)}")
    taken: list[Tensor] = []

    def hook(module: nn.Module, inputs: object, output: object) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise InputError(f"layer {name} gives {got}: expected a feature map (1, C, H, W)")
        taken.append(tap(output))
        return taken[-1].clone()  # what follows may work in place

    handle = find_layer(model, name).register_forward_hook(hook)
    try:
        with evaluating(model):
            logits: Tensor = model(x)
    finally:
        handle.remove()
    if not taken:
        raise InputError(f"layer {name} takes no part in the forward pass: name another")
    return logits, taken[-1]


def feature_map(model: nn.Module, x: Tensor, layer: str = LAST) -> Tensor:
    """Return what a layer gives for one picture, (channels, H', W').

    Raises:
        InputError: see `run_tapped`.
    """
    with torch.no_grad():
        return run_tapped(model, x, layer, torch.clone)[1][0]
