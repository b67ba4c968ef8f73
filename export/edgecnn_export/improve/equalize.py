"""Cross-layer equalization: gives the channels between two layers weights of one range.

Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019,
arXiv:1906.04721, section 4.1: s = sqrt(r1 r2) / r2 in each channel, where r1 is the range of the
weights that make it and r2 of those that read it, over all pairs until nothing changes.

That fits weights with one scale for a tensor. Where weights have a scale for each output channel,
r1 costs nothing and the range of the values themselves does, so r1 can be that instead, as in Xiao
et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models",
ICML 2023, arXiv:2211.10438, equation 4 with alpha 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from edgecnn.errors import InputError
from edgecnn_export.improve.caps import cap_of
from edgecnn_export.improve.graph import Layer, copy_float, require_same, split_batch
from edgecnn_export.improve.pairs import Pair, Refusal, find_pairs, summarize
from edgecnn_export.improve.scaling import (
    divide_channels,
    input_ranges,
    layers_of,
    output_ranges,
)

Caps = Literal["refuse", "keep", "drop"]
"""What to do with a ReLU6 between two layers: refuse the pair; scale its cap in each channel, as
`CappedReLU`; or make it a ReLU where the data never reach the cap, and refuse the pair elsewhere.
"""
Ranges = Literal["weights", "activations"]
"""What r1 is: the range of the weights that make a channel, or of its values on the inputs."""
MAX_SWEEPS = 200
CONVERGED = 1e-3
"""Largest change of a scale in the last sweep, as a share."""


@dataclass(frozen=True)
class EqualizationReport:
    """What was equalized, and what was not and why."""

    pairs: tuple[Pair, ...]
    refused: tuple[Refusal, ...]
    sweeps: int
    """Over all pairs, until nothing changed."""
    difference: float
    """Between the outputs before and after, as a share of the largest."""


@dataclass(frozen=True, eq=False)
class Equalized:
    """An equalized copy."""

    model: nn.Module
    report: EqualizationReport


def equalize(
    model: nn.Module, inputs: Tensor, *, ranges: Ranges = "weights", caps: Caps = "refuse"
) -> Equalized:
    """Return a copy that computes the same with channels of even ranges.

    Args:
        model: batch normalization folded (see `fold_norms`); it is not changed.
        inputs: (N, C, H, W), on which both must agree; calibration data where ``ranges`` or
            ``caps="drop"`` ask for it.
        ranges: what is brought to the range of the weights that read a channel.
        caps: what to do with ReLU6. ``drop`` holds for data like the inputs, the others for any;
            ``keep`` costs int8 more than it brings, see `CappedReLU`.

    Raises:
        InputError: no pair of layers can be equalized; the message says why.
        EdgecnnError: the copy's outputs differ.
    """
    copy = copy_float(model)
    found = find_pairs(copy)
    pairs, refused = _judge_caps(copy, found.pairs, inputs, caps)
    refused = (*found.refused, *refused)
    if not pairs:
        raise InputError(f"equalization fits no pair of layers: {summarize(refused)}")
    seen = _value_ranges(copy, pairs, inputs) if ranges == "activations" else None
    sweeps = _sweep(copy, pairs, seen)
    difference = require_same(copy_float(model), copy, inputs, "equalization")
    return Equalized(copy, EqualizationReport(pairs, refused, sweeps, difference))


def _judge_caps(
    copy: nn.Module, pairs: tuple[Pair, ...], inputs: Tensor, caps: Caps
) -> tuple[tuple[Pair, ...], tuple[Refusal, ...]]:
    """Sort out the pairs with a cap between them; replace the caps that go."""
    capped = [pair for pair in pairs if pair.cap is not None]
    if caps == "keep" or not capped:
        return pairs, ()
    free = _unreached(copy, capped, inputs) if caps == "drop" else frozenset[str]()
    why = "its cap is reached by the data" if caps == "drop" else "ReLU6 needs per-channel caps"
    kept = []
    for pair in pairs:
        if pair.cap in free:
            copy.set_submodule(pair.cap, nn.ReLU())
            kept.append(Pair(pair.first, pair.second))
        elif pair.cap is None:
            kept.append(pair)
    refused = tuple(Refusal(pair.first, why) for pair in capped if pair.cap not in free)
    return tuple(kept), refused


def _unreached(copy: nn.Module, capped: list[Pair], inputs: Tensor) -> frozenset[str]:
    """Return the caps below which all values stay."""
    names = [str(pair.cap) for pair in capped]
    below = set(names)
    for name, peaks in zip(names, _peaks(copy, names, inputs), strict=True):
        cap = cap_of(copy.get_submodule(name), len(peaks))
        if cap is None or bool((peaks >= cap).any()):
            below.discard(name)
    return frozenset(below)


def _value_ranges(copy: nn.Module, pairs: tuple[Pair, ...], inputs: Tensor) -> list[Tensor]:
    """Return the largest absolute value of each channel between the layers of each pair."""
    read = _peaks(copy, [pair.second for pair in pairs], inputs, absolute=True)
    counts = [len(layers_of(copy, pair)[0].weight) for pair in pairs]
    return [peaks.view(n, -1).amax(1) for peaks, n in zip(read, counts, strict=True)]


def _peaks(
    copy: nn.Module, names: list[str], inputs: Tensor, absolute: bool = False
) -> list[Tensor]:
    """Return the largest value that each module reads in each channel."""
    found: dict[str, Tensor] = {}

    def watch(name: str) -> RemovableHandle:
        def note(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            x = args[0].abs() if absolute else args[0]
            axis = 1 if x.ndim == 4 else x.ndim - 1
            peaks = x.transpose(0, axis).flatten(1).amax(1)
            found[name] = torch.maximum(found.get(name, peaks), peaks)

        return copy.get_submodule(name).register_forward_pre_hook(note)

    handles = [watch(name) for name in names]
    try:
        with torch.inference_mode():
            for x in split_batch(inputs):
                copy(x)
    finally:
        for handle in handles:
            handle.remove()
    return [found[name].clone() for name in names]


def _sweep(copy: nn.Module, pairs: tuple[Pair, ...], seen: list[Tensor] | None) -> int:
    """Equalize all pairs until nothing changes; return how often."""
    for sweep in range(1, MAX_SWEEPS + 1):
        largest = 0.0
        for index, pair in enumerate(pairs):
            first, second = layers_of(copy, pair)
            if seen is None:
                made = output_ranges(first)
                scales = _scales(made, input_ranges(second, len(made)))
            else:
                made = seen[index]
                scales = _scales(made, _ranges_that_count(second, len(made)))
                seen[index] = made / scales
            divide_channels(copy, pair, scales)
            largest = max(largest, float(scales.log().abs().max()))
        if largest < CONVERGED:
            return sweep
    return MAX_SWEEPS


def _ranges_that_count(second: Layer, channels: int) -> Tensor:
    """Return the ranges of reading weights, level where each has a scale of its own."""
    if isinstance(second, nn.Conv2d) and second.groups == second.in_channels:
        return torch.ones(channels)
    return input_ranges(second, channels)


def _scales(made: Tensor, read: Tensor) -> Tensor:
    live = (made > 0) & (read > 0)  # a dead channel has no range to give or take
    return torch.where(live, (made * read).sqrt() / read.clamp_min(1e-30), torch.ones_like(made))
