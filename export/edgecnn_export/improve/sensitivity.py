"""Measures how much each layer alone loses by int8, so that the worst can stay in float."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edgecnn_export.improve.graph import Layer, copy_float, single_layers, split_batch, trace
from edgecnn_export.improve.simulate import Range, round_tensor, run_rounded


@dataclass(frozen=True)
class LayerSensitivity:
    """What the network loses by one layer."""

    layer: str
    """The module's name in torch."""
    sqnr_db: float
    """Signal to noise of the network's output, with this layer alone in int8."""


def measure_sensitivity(model: nn.Module, inputs: Tensor) -> tuple[LayerSensitivity, ...]:
    """Round one layer at a time, its weights and what it reads, and compare the outputs.

    Args:
        model: batch normalization folded (see `fold_norms`); it is not changed.
        inputs: (N, C, H, W); the ranges of activations are theirs.

    Returns:
        Every convolution and linear layer, worst first.

    Raises:
        InputError: the network cannot be traced, has no layer with weights or one that runs twice.
    """
    traced = trace(copy_float(model))
    layers = single_layers(traced)
    noise = torch.zeros(len(layers), dtype=torch.float64)
    signal = torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        ranges = _ranges(traced, layers, inputs)
        for x in split_batch(inputs):
            exact = _record(traced, x)
            wanted = exact[next(n for n in exact if n.op == "output")]
            signal += wanted.double().square().sum()
            for index, (node, layer) in enumerate(layers):
                found = _run_from(traced, exact, x, node, layer, ranges[node])
                noise[index] += (found - wanted).double().square().sum()
    decibels = (10 * torch.log10(signal / noise)).tolist()
    names = [str(node.target) for node, _ in layers]
    rows = [LayerSensitivity(n, d) for n, d in zip(names, decibels, strict=True)]
    return tuple(sorted(rows, key=lambda row: row.sqnr_db))


def _ranges(
    traced: fx.GraphModule, layers: list[tuple[fx.Node, Layer]], inputs: Tensor
) -> dict[fx.Node, Range]:
    """Return the smallest and the largest value that each layer reads."""
    ranges: dict[fx.Node, Range] = {}
    for x in split_batch(inputs):
        values = _record(traced, x)
        for node, _ in layers:
            read = values[node.all_input_nodes[0]]
            low, high = ranges.get(node, (0.0, 0.0))
            ranges[node] = (min(low, float(read.min())), max(high, float(read.max())))
    return ranges


def _record(traced: fx.GraphModule, x: Tensor) -> dict[fx.Node, Tensor]:
    """Run in float and keep the value of every node."""
    runner = fx.Interpreter(traced, garbage_collect_values=False)
    runner.run(x)
    return dict(runner.env)


def _run_from(
    traced: fx.GraphModule, exact: dict[fx.Node, Tensor], x: Tensor, start: fx.Node, layer: Layer,
    span: Range,
) -> Tensor:  # fmt: skip
    """Run what follows a layer, with that layer rounded."""
    before: dict[fx.Node, Tensor] = {}
    for node in traced.graph.nodes:
        if node is start:
            break
        before[node] = exact[node]
    before[start] = run_rounded(layer, round_tensor(exact[start.all_input_nodes[0]], span))
    out: Tensor = fx.Interpreter(traced).run(x, initial_env=before)
    return out
