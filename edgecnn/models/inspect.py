"""The layer table of a torch network, computed from the network itself.

The network is traced and run on torch's meta device: shapes without numbers, so that the largest
costs no memory. It is copied first, and left as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from edgecnn.errors import InputError
from edgecnn.models.function_steps import function_name, function_step
from edgecnn.models.layer_steps import KEEP_SHAPE, check_fits, module_step
from edgecnn.models.registry import find_architecture
from edgecnn.vision.layer_steps import Step
from edgecnn.vision.layer_table import Inspection, LayerRow, TableBuilder
from edgecnn.vision.receptive import Fields, fields_of_input


def inspect_architecture(name: str, input_shape: tuple[int, ...] | None = None) -> Inspection:
    """Return the layer table of a registered network, built without memory for its weights.

    Args:
        name: of the network.
        input_shape: C, H, W; by default that of the paper.

    Raises:
        InputError: no such network, or an input that it does not take.
    """
    found = find_architecture(name)
    with torch.device("meta"), _WithoutStart():
        model = found.build()
    return _inspect(model.eval(), input_shape or found.input_shape, name)


def inspect_module(model: nn.Module, input_shape: tuple[int, ...], name: str) -> Inspection:
    """Return the layer table of a network, in evaluation mode.

    Args:
        model: takes one tensor (1, *input_shape); it is not changed.
        input_shape: C, H, W of a picture; C, L of a signal; C, D, H, W of a volume.
        name: what to call it.

    Raises:
        InputError: it cannot be traced, or does not take such an input.
    """
    return _inspect(_root(model, name), tuple(input_shape), name)


@dataclass(frozen=True)
class OutputGrid:
    """How the elements of a feature map lie over the input."""

    shape: tuple[int, ...]
    """Rows and columns."""
    stride: tuple[int, ...]
    """Pixels of the input, down and across, from one element to its neighbour."""


def output_grid(model: nn.Module, input_shape: tuple[int, int, int], name: str) -> OutputGrid:
    """Return how a network's one output, (1, C, rows, columns), lies over its input.

    Args:
        model: takes (1, *input_shape); it is not changed.
        input_shape: C, H, W.
        name: what to call it.

    Raises:
        InputError: it cannot be traced, does not take such an input, or its layers do not tell
            the stride.
    """
    walker = _walk(_root(model, name), tuple(input_shape), name)
    fields, shape = walker.output_fields, walker.output_shape
    jumps = () if fields is None else tuple(field.jump for field in fields.along)
    if len(shape) != 4 or len(jumps) != 2 or any(j < 1 or j.denominator != 1 for j in jumps):
        raise InputError(f"{name}: its layers do not tell the stride of a feature map {shape}")
    return OutputGrid(shape[2:], tuple(int(jump) for jump in jumps))


def _root(model: nn.Module, name: str) -> nn.Module:
    root = _on_meta(model, name)
    # A tracer looks into its root.
    return nn.Sequential(root) if fx.Tracer().is_leaf_module(root, "") else root


def _inspect(root: nn.Module, input_shape: tuple[int, ...], name: str) -> Inspection:
    """Inspect a network on the meta device."""
    walker = _walk(root, input_shape, name)
    rows = (*walker.table.rows, *_idle(root, walker.table))
    return Inspection(name, input_shape, rows, walker.output_field)


def _walk(root: nn.Module, input_shape: tuple[int, ...], name: str) -> _Walker:
    """Run a network on the meta device."""
    walker = _Walker(root, _trace(root, name), name, input_shape)
    first = next(root.parameters(), None)
    dtype = first.dtype if first is not None and first.is_floating_point() else torch.float32
    with torch.no_grad(), torch.device("meta"):
        try:
            x = torch.empty(1, *input_shape, dtype=dtype)
        except (RuntimeError, TypeError) as error:
            raise InputError(f"{name}: no tensor has the shape {input_shape}: {error}") from error
        walker.run(x)
    return walker


def _on_meta(model: nn.Module, name: str) -> nn.Module:
    """Copy a network to the meta device; what it shares stays shared."""
    memo: dict[int, Any] = {}
    for tensor in _tensors(model):
        empty = torch.empty_like(tensor, device="meta")
        is_parameter = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if is_parameter else empty
    try:
        copied = copy.deepcopy(model, memo)
    except Exception as error:  # a foreign module may hold anything
        raise InputError(f"{name} cannot be copied for inspection: {_line(error)}") from error
    return copied.eval()


def _tensors(model: nn.Module) -> Iterable[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))


def _trace(root: nn.Module, name: str) -> fx.Graph:
    try:
        with torch.device("meta"):
            return fx.Tracer().trace(root)
    except Exception as error:  # tracing runs foreign code
        raise InputError(
            f"{name} cannot be traced by torch.fx, so it has no layer table: {_line(error)}"
        ) from error


def _idle(root: nn.Module, table: TableBuilder) -> Iterable[LayerRow]:
    """Yield the modules whose parameters no layer of the pass used."""
    for path, module in root.named_modules():
        own = ((id(p), p.numel()) for p in module.parameters(recurse=False))
        fresh, _ = table.count(own)
        if fresh:
            note = "not used in evaluation mode"
            yield LayerRow(path or "parameters", type(module).__name__, (), fresh, 0, (), note)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]


class _WithoutStart(TorchFunctionMode):
    """Leaves out torch.nn.init: starting weights take a third of the time and are not looked at."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


class _Walker(fx.Interpreter):
    """Runs a traced network on the meta device and writes a row per layer."""

    def __init__(
        self, module: nn.Module, graph: fx.Graph, name: str, input_shape: tuple[int, ...]
    ) -> None:
        super().__init__(module, graph=graph)
        self.extra_traceback = False
        self.table = TableBuilder()
        self.output_field: tuple[int, ...] = ()
        self.output_fields: Fields | None = None
        self.output_shape: tuple[int, ...] = ()
        self._name = name
        self._input = input_shape
        self._weights: dict[fx.Node, list[nn.Parameter]] = {}
        """Parameters that a node carries which does not depend on the input."""

    def run_node(self, n: fx.Node) -> Any:
        """Run one node and record it."""
        try:
            out = super().run_node(n)
            self._record(n, out)
        except Exception as error:  # torch raises many types, and so may a foreign module
            raise InputError(self._refusal(n, error)) from error
        return out

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a module, unless its output surely has the shape of its input."""
        module = self.fetch_attr(str(target))
        if args and isinstance(args[0], Tensor):
            check_fits(module, args[0])
            if isinstance(module, KEEP_SHAPE):
                return args[0]
        return super().call_module(target, args, kwargs)

    def _refusal(self, node: fx.Node, error: Exception) -> str:
        shape = ",".join(str(side) for side in self._input)
        return f"{self._name} does not take an input of {shape}: {_place(node)}: {_line(error)}"

    def _record(self, node: fx.Node, out: Any) -> None:
        parts = [part for part in node.all_input_nodes if part in self.table]
        tensors = [t for t in (out if isinstance(out, tuple | list) else (out,))
                   if isinstance(t, Tensor)]  # fmt: skip
        if node.op == "output":
            self.output_field = self.table.output_field(parts)
            if len(parts) == 1 and tensors:
                self.output_fields = self.table.fields(parts[0])
                self.output_shape = tuple(tensors[0].shape)
        elif node.op == "placeholder":  # others than the picture have their default
            if isinstance(out, Tensor):
                self.table.put(node, fields_of_input(out.shape, range(2, out.ndim)))
        elif node.op == "get_attr":
            self._weights[node] = [out] if isinstance(out, nn.Parameter) else []
        elif not parts or not tensors:  # made of parameters alone, or a size
            self._weights[node] = self._carried(node)
        elif isinstance(out, Tensor) or node.op == "call_module":
            self._add(node, parts, tensors[0])
        else:  # such as chunk, whose parts see what the whole saw
            self.table.put(node, self.table.fields(parts[0]))

    def _add(self, node: fx.Node, parts: list[fx.Node], out: Tensor) -> None:
        x = self.env.get(parts[0])
        fields = [self.table.fields(part) for part in parts]
        parameters = self._carried(node)
        if node.op == "call_module":
            module = self.fetch_attr(str(node.target))
            parameters = list(module.parameters())
            if len(parts) == 1 and isinstance(x, Tensor):
                step = module_step(module, x, out, fields[0])
            else:
                step = Step(type(module).__name__, None, note="multiplications not counted")
        elif isinstance(x, Tensor):
            call = self.fetch_args_kwargs_from_env(node)
            step = function_step(function_name(node.target), call, x, out, fields)
        else:  # one of several outputs
            same = fields[0] is not None and len(fields[0].axes) == out.ndim
            step = Step(function_name(node.target), fields[0] if same else None)
        before = x.shape if isinstance(x, Tensor) else out.shape
        counts = [(id(parameter), parameter.numel()) for parameter in parameters]
        self.table.add(_place(node), node, parts, step, before, out.shape, counts)

    def _carried(self, node: fx.Node) -> list[nn.Parameter]:
        return [p for n in node.all_input_nodes for p in self._weights.get(n, ())]


def _place(node: fx.Node) -> str:
    """Return where a node stands in the network, such as ``features.3.add``."""
    if node.op == "call_module":
        return str(node.target)
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack)[-1] if stack else ""
    name = function_name(node.target) if node.op.startswith("call") else node.name
    return f"{path}.{name}" if path else name
