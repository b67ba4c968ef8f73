"""Bias correction: takes out of each layer the mean error that rounding its weights brings.

Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019,
arXiv:1906.04721, section 4.2 and appendix D (the empirical form, layer after layer). It needs
nothing of the activations, so it holds for any network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import Argument, Target

from edgecnn_export.improve.graph import Layer, copy_float, single_layers, trace
from edgecnn_export.improve.simulate import round_tensor, run_rounded


@dataclass(frozen=True)
class LayerShift:
    """How far rounding moved a layer's outputs."""

    layer: str
    shift: float
    """Root mean square of the means that were taken out, over that of the layer's outputs."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A float copy for quantization: in float its biases are off by what rounding will bring."""

    model: nn.Module
    shifts: tuple[LayerShift, ...]
    """In running order."""


def correct_biases(model: nn.Module, inputs: Tensor, *, activations: bool = True) -> Corrected:
    """Return a copy whose biases make up for int8 rounding.

    The float network and an int8 simulation of it run side by side; at each layer the mean
    difference of each output channel goes into the bias, before the next layer runs. Quantize the
    copy; the float variant of an export is the original.

    Args:
        model: batch normalization folded (see `fold_norms`); it is not changed.
        inputs: (N, C, H, W) calibration inputs, all held at once: at 224x224 take at most 32.
        activations: whether the simulation also rounds what each layer reads.

    Raises:
        InputError: the network cannot be traced, has no layer with weights or one that runs twice.
    """
    copy = copy_float(model)
    traced = trace(copy)
    single_layers(traced)
    runner = _SideBySide(traced, len(inputs), activations)
    with torch.inference_mode():
        runner.run(torch.cat((inputs, inputs)))
    return Corrected(copy, tuple(runner.shifts))


class _SideBySide(fx.Interpreter):
    """Runs a batch whose first half is float and whose second half is simulated int8."""

    def __init__(self, traced: fx.GraphModule, half: int, activations: bool) -> None:
        super().__init__(traced)
        self._half, self._activations = half, activations
        self.shifts: list[LayerShift] = []

    def call_module(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        layer = self.fetch_attr(str(target))
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            return super().call_module(target, args, kwargs)
        x = args[0]
        assert isinstance(x, Tensor)
        exact, rounded = x[: self._half], x[self._half :]
        if self._activations:
            rounded = round_tensor(rounded, (float(exact.min()), float(exact.max())))
        wanted = layer(exact)
        found = run_rounded(layer, rounded)
        channels = 1 if isinstance(layer, nn.Conv2d) else wanted.ndim - 1
        axes = [axis for axis in range(wanted.ndim) if axis != channels]
        error = (wanted - found).mean(axes)
        self._correct(str(target), layer, error, wanted)
        shape = [-1 if axis == channels else 1 for axis in range(wanted.ndim)]
        return torch.cat((wanted, found + error.view(shape)))

    def _correct(self, name: str, layer: Layer, error: Tensor, wanted: Tensor) -> None:
        before = torch.zeros_like(error) if layer.bias is None else layer.bias.data
        layer.bias = nn.Parameter((before + error).clone(), requires_grad=False)
        size = wanted.square().mean().sqrt().clamp_min(1e-30)
        self.shifts.append(LayerShift(name, float(error.square().mean().sqrt() / size)))
