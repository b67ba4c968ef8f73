"""Finds every operator that a converter lacks, before anything is converted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import fx, nn
from torch._ops import OpOverload
from torch.export import ExportedProgram

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.errors import InputError
from edgecnn_export.quiet import quiet


def refuse_unsupported(network: nn.Module, formats: tuple[Format, ...], spec: InputSpec) -> None:
    """Raise where a format has no counterpart of something that the network does.

    Args:
        network: takes (N, C, H, W), in evaluation mode.
        formats: what it is to be converted to.
        spec: the size of its input.

    Raises:
        InputError: torch.export cannot follow its forward, or operators are missing; the message
            lists all of them, by format.
    """
    example = torch.zeros(1, spec.channels, spec.height, spec.width)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and litert-torch warn of their own ways
        program = _trace(network, example)
        missing = {kind: _missing(kind, program) for kind in formats}
    lacking = [f"{kind} has no {', '.join(names)}" for kind, names in missing.items() if names]
    if lacking:
        raise InputError(
            f"{type(network).__name__} cannot be exported: {'; '.join(lacking)}: replace these "
            "operators, or leave the format out"
        )


def _trace(network: nn.Module, example: torch.Tensor) -> ExportedProgram:
    try:
        return torch.export.export(network, (example,))
    except Exception as error:  # torch.export raises types without a common base
        line = next((x for x in str(error).splitlines() if x.strip()), type(error).__name__)
        raise InputError(
            f"{type(network).__name__} cannot be exported: torch.export cannot follow it: "
            f"{line.strip()}: control flow must not depend on the data"
        ) from error


def _missing(kind: Format, program: ExportedProgram) -> tuple[str, ...]:
    return _missing_in_onnx(program) if kind == "onnx" else _missing_in_tflite(program)


def _missing_in_onnx(program: ExportedProgram) -> tuple[str, ...]:
    # torch has no public list of what its exporter knows; the release of torch is pinned.
    from torch.onnx._internal.exporter._decomp import (
        create_onnx_friendly_decomposition_table,
        get_onnx_implemented_overloads,
    )
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    registry = ONNXRegistry.from_torchlib()
    table = create_onnx_friendly_decomposition_table(set(get_onnx_implemented_overloads(registry)))
    graph = program.run_decompositions(table).graph
    return _names(n for n in _calls(graph) if not registry.is_registered(n))


def _missing_in_tflite(program: ExportedProgram) -> tuple[str, ...]:
    from litert_torch import fx_infra
    from litert_torch.backend.lowerings import registry

    steps = (fx_infra.decomp.pre_convert_decomp(), fx_infra.decomp.pre_lower_decomp())
    for table in steps:
        program = fx_infra.safe_run_decompositions(program, table)
    return _names(n for n in _calls(program.graph) if registry.lookup(n) is None)


def _calls(graph: fx.Graph) -> set[OpOverload]:
    return {
        n.target
        for n in graph.nodes
        if n.op == "call_function" and isinstance(n.target, OpOverload)
    }


def _names(operators: Iterable[OpOverload]) -> tuple[str, ...]:
    return tuple(sorted(map(str, operators)))
