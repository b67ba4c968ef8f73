"""Traces a network and checks that a rewritten copy still computes the same."""

from __future__ import annotations

import copy
import operator
import re

import torch
from torch import Tensor, fx, nn

from edgecnn.errors import EdgecnnError, InputError
from edgecnn_export.improve.caps import CappedReLU

Layer = nn.Conv2d | nn.Linear
"""What has weights that int8 stores."""
CHUNK = 4
"""Pictures whose tensors are held at once."""
SAME = 1e-4
"""Largest difference of a function-preserving copy, as a share of the largest output."""


def copy_float(model: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode that overwrites nothing in place and learns nothing.

    Tensors of a run can then be kept and read again. Parameters are contiguous, as the TFLite
    converter needs them.
    """
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    for module in twin.modules():
        if isinstance(getattr(module, "inplace", None), bool):
            setattr(module, "inplace", False)  # noqa: B010  (not every module declares it)
    for parameter in twin.parameters():
        parameter.data = parameter.data.contiguous()
    return twin


class _Tracer(fx.Tracer):
    """Takes torch's own layers, and `CappedReLU`, as single steps."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, CappedReLU) or super().is_leaf_module(m, module_qualified_name)


def trace(model: nn.Module) -> fx.GraphModule:
    """Return the graph of a network; its modules are the network's own.

    Raises:
        InputError: torch.fx cannot follow its forward.
    """
    try:
        graph = _Tracer().trace(model)
    except Exception as error:
        # Tracing runs the network's own code, which can fail in any way.
        line = str(error).strip().splitlines()[:1]
        raise InputError(
            f"{type(model).__name__} cannot be traced by torch.fx, which rewriting it needs: "
            f"{line[0] if line else type(error).__name__}"
        ) from error
    for node in graph.nodes:
        _keep_operand(node)
    return fx.GraphModule(model, graph)


def _keep_operand(node: fx.Node) -> None:
    """Let a step make a new tensor, so that a run's values can be kept and read again."""
    if node.op == "call_method" and re.fullmatch(r"[a-z]\w*_", str(node.target)):
        node.target = str(node.target)[:-1]
    elif node.target is operator.iadd:
        node.target = operator.add
    elif node.target is operator.imul:
        node.target = operator.mul


def layer_of(traced: fx.GraphModule, node: fx.Node) -> Layer | None:
    """Return the layer with weights that a node calls, if it calls one."""
    if node.op != "call_module":
        return None
    module = traced.get_submodule(str(node.target))
    return module if isinstance(module, nn.Conv2d | nn.Linear) else None


def single_layers(traced: fx.GraphModule) -> list[tuple[fx.Node, Layer]]:
    """Return the layers with weights, in running order.

    Raises:
        InputError: there is none, or one runs more than once.
    """
    calls = [(node, layer) for node in traced.graph.nodes if (layer := layer_of(traced, node))]
    if not calls:
        raise InputError("expected a network with convolutions or linear layers; it has none")
    layers = [id(layer) for _, layer in calls]
    for node, layer in calls:
        if layers.count(id(layer)) > 1:
            raise InputError(f"expected layers that run once each; {node.target} runs more often")
    return calls


def list_layers(traced: fx.GraphModule) -> tuple[str, ...]:
    """Return the names of the layers with weights, in running order, each once."""
    nodes = [node for node in traced.graph.nodes if layer_of(traced, node) is not None]
    return tuple(dict.fromkeys(str(node.target) for node in nodes))


def split_batch(inputs: Tensor) -> tuple[Tensor, ...]:
    """Split (N, ...) so that the tensors of a run fit the memory."""
    return inputs.tensor_split(tuple(range(CHUNK, len(inputs), CHUNK)))


def _outputs(model: nn.Module, example: Tensor) -> tuple[Tensor, ...]:
    found = model(example.clone())
    return tuple(found) if isinstance(found, tuple | list) else (found,)


def require_same(before: nn.Module, after: nn.Module, example: Tensor, what: str) -> float:
    """Return how far two networks differ, as a share of the largest number of that output.

    Args:
        before: in evaluation mode.
        after: in evaluation mode.
        example: (N, C, H, W).
        what: was done to ``before``, for the message.

    Raises:
        EdgecnnError: they differ by more than `SAME`.
    """
    with torch.inference_mode():
        outputs = zip(_outputs(before, example), _outputs(after, example), strict=True)
        shares = [(one - two).abs().max() / one.abs().max().clamp_min(1e-12)
                  for one, two in outputs]  # fmt: skip
    difference = float(torch.stack(shares).max())  # NaN stays NaN
    if not difference <= SAME:
        raise EdgecnnError(
            f"{what} should leave the outputs as they are (within {SAME:g} of the largest), but "
            f"changed them by {difference:.2g}: this network cannot be rewritten so"
        )
    return difference
