"""Finds the layers between which a channel can be scaled without changing the network.

A channel may be divided by s where a layer makes it and multiplied by s where the next layer reads
it, if all between them is positively homogeneous in each channel, f(s x) = s f(x), and nothing
else reads it. ReLU is, ReLU6 is if its cap is divided too, SiLU, sigmoid and tanh are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from edgecnn_export.improve.caps import CappedReLU
from edgecnn_export.improve.graph import Layer, layer_of, trace

_MODULES = (
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.ReLU, nn.LeakyReLU, nn.MaxPool2d, nn.AvgPool2d,
    nn.AdaptiveAvgPool2d, nn.ZeroPad2d, nn.Flatten,
)  # fmt: skip
_FUNCTIONS = (torch.relu, torch.flatten, functional.relu, functional.dropout)
_METHODS = ("relu", "flatten", "contiguous")
_CAPS = (nn.ReLU6, CappedReLU)
_JOINS = {"add": "a sum", "mul": "a product", "cat": "a concatenation"}


@dataclass(frozen=True)
class Pair:
    """Two layers with homogeneous steps between them."""

    first: str
    second: str
    cap: str | None = None
    """The ReLU6 or `CappedReLU` between them."""


@dataclass(frozen=True)
class Refusal:
    """A layer whose channels cannot be scaled."""

    first: str
    reason: str


@dataclass(frozen=True)
class Pairs:
    """What a network offers; every layer with weights is the first of one entry."""

    pairs: tuple[Pair, ...]
    refused: tuple[Refusal, ...]


class _Refused(Exception):
    """Ends a walk; carries the reason."""


def find_pairs(model: nn.Module) -> Pairs:
    """Walk from every layer with weights to the next.

    Raises:
        InputError: the network cannot be traced.
    """
    traced = trace(model)
    calls = Counter(id(traced.get_submodule(str(n.target))) for n in _module_nodes(traced))
    pairs, refused = [], []
    for node in _module_nodes(traced):
        if layer_of(traced, node) is None:
            continue
        try:
            pairs.append(_walk(traced, node, calls))
        except _Refused as refusal:
            refused.append(Refusal(str(node.target), str(refusal)))
    return Pairs(tuple(pairs), tuple(refused))


def summarize(refused: tuple[Refusal, ...]) -> str:
    """Return the reasons in one line, the most frequent first."""
    counts = Counter(refusal.reason for refusal in refused)
    return "; ".join(f"{n} x {reason}" for reason, n in counts.most_common())


def _module_nodes(traced: fx.GraphModule) -> list[fx.Node]:
    return [node for node in traced.graph.nodes if node.op == "call_module"]


def _walk(traced: fx.GraphModule, first: fx.Node, calls: Counter[int]) -> Pair:
    cap = None
    node = _only_reader(first)
    while True:
        if node.op == "call_module":
            module = traced.get_submodule(str(node.target))
            if isinstance(module, nn.Conv2d | nn.Linear):
                _require_single(traced, first, node, calls)
                return Pair(str(first.target), str(node.target), cap)
            if isinstance(module, _CAPS):
                if cap is not None or calls[id(module)] > 1:
                    raise _Refused("it is capped twice, or by a ReLU6 that is used twice")
                cap = str(node.target)
            elif not isinstance(module, _MODULES):
                raise _Refused(f"{type(module).__name__} is not positively homogeneous")
        elif not _passes(node):
            raise _Refused(_reason(node))
        node = _only_reader(node)


def _only_reader(node: fx.Node) -> fx.Node:
    readers = list(node.users)
    if len(readers) != 1:
        raise _Refused("its output is shared, as by a shortcut")
    if readers[0].op == "output":
        raise _Refused("it makes the network's output")
    return readers[0]


def _require_single(
    traced: fx.GraphModule, first: fx.Node, second: fx.Node, calls: Counter[int]
) -> None:
    one, two = layer_of(traced, first), layer_of(traced, second)
    assert one is not None and two is not None
    if calls[id(one)] > 1 or calls[id(two)] > 1:
        raise _Refused("one of its two layers is used more than once")
    if channels_in(two) % channels_out(one):
        raise _Refused("the next layer mixes its channels before it reads them")


def channels_out(layer: Layer) -> int:
    """Return the channels that a layer makes."""
    return layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features


def channels_in(layer: Layer) -> int:
    """Return the channels that a layer reads; flattened ones count each element."""
    return layer.in_channels if isinstance(layer, nn.Conv2d) else layer.in_features


def _passes(node: fx.Node) -> bool:
    if node.op == "call_function":
        return node.target in _FUNCTIONS
    if node.op == "call_method":
        return node.target in _METHODS or _averages_picture(node)
    return False


def _averages_picture(node: fx.Node) -> bool:
    axes: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    return node.target == "mean" and isinstance(axes, tuple | list) and set(axes) <= {2, 3, -1, -2}


def _reason(node: fx.Node) -> str:
    target: str | Callable[..., Any] = node.target
    name = target if isinstance(target, str) else target.__name__
    joined = _JOINS.get(name.strip("_").removeprefix("i"))
    if joined:
        return f"its output goes into {joined}"
    return f"{name} is not known to be positively homogeneous"
