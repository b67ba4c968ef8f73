"""Sources that are torch modules: a RUN, or a function of someone else's code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.errors import InputError
from edgecnn.models.foreign import build_foreign
from edgecnn.train.detection.recipe import DetectRecipe, decode_rules
from edgecnn.train.run import load_run
from edgecnn.train.tasks.detect import open_splits
from edgecnn_export.operators import refuse_unsupported
from edgecnn_export.sources.base import Facts
from edgecnn_export.sources.describe import Description, decode_of
from edgecnn_export.tasks.base import GateTask, Outputs
from edgecnn_export.tasks.classify import ClassifyGate
from edgecnn_export.tasks.detect import DetectGate
from edgecnn_export.tasks.embed import EmbedGate
from edgecnn_export.tasks.foreign import ForeignGate
from edgecnn_export.tasks.landmarks import LandmarksGate
from edgecnn_export.tasks.localize import LocalizeGate
from edgecnn_export.tasks.read import ReadGate


def _detect_gate(recipe: DetectRecipe) -> DetectGate:
    return DetectGate(
        decode_rules(recipe), recipe.input, lambda: open_splits(recipe, strict=False)[1]
    )


_GATES: dict[str, Callable[[Any], GateTask]] = {
    "read": ReadGate, "classify": ClassifyGate, "localize": LocalizeGate, "detect": _detect_gate,
    "landmarks": LandmarksGate, "embed": EmbedGate,
}  # fmt: skip


@dataclass(frozen=True)
class TorchSource:
    """A torch module."""

    facts: Facts
    gate: GateTask
    network: nn.Module
    """In evaluation mode, every parameter contiguous, in float32."""
    formats: tuple[Format, ...] = ("tflite", "onnx")

    @torch.inference_mode()
    def infer(self, inputs: NDArray[np.float32]) -> Outputs:
        """Run the float network over (N, H, W, C)."""
        return outputs_of(self.network(torch.from_numpy(inputs).permute(0, 3, 1, 2)))

    def require_operators(self, formats: tuple[Format, ...]) -> None:
        """Refuse what a converter lacks; see `refuse_unsupported`."""
        refuse_unsupported(self.network, formats, self.facts.input)

    def convert(self, kind: Format, network: nn.Module | None, spec: InputSpec) -> bytes:
        """Return the float file of a format; see `Source.convert`."""
        assert network is not None
        example = np.zeros((1, spec.height, spec.width, spec.channels), spec.dtype)
        bake = spec if spec.dtype == "uint8" else None
        if kind == "onnx":
            from edgecnn_export.to_onnx import to_onnx

            outputs = len(output_shapes(self.network, spec))
            return to_onnx(network, example, outputs, bake, spec.resize == "none")
        from edgecnn_export.to_tflite import to_tflite

        return to_tflite(network, example, bake)


@torch.inference_mode()
def output_shapes(network: nn.Module, spec: InputSpec) -> tuple[tuple[int, ...], ...]:
    """Return the shape of each output for one picture, by running the network.

    Raises:
        InputError: it does not take such an input.
    """
    try:
        found = outputs_of(network(torch.zeros(1, spec.channels, spec.height, spec.width)))
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().split("\n")[0]
        shape = f"(1, {spec.channels}, {spec.height}, {spec.width})"
        raise InputError(f"the network does not take {shape}: {reason}: check --input") from error
    return tuple(x.shape for x in found)


def outputs_of(found: object) -> Outputs:
    """Return what a module gave as arrays.

    Raises:
        InputError: it gave something else than tensors.
    """
    if isinstance(found, Tensor):
        return (found.float().numpy(),)
    values = list(found.values()) if isinstance(found, dict) else found
    if isinstance(values, list | tuple) and values and all(isinstance(x, Tensor) for x in values):
        return tuple(x.float().numpy() for x in values)
    raise InputError(f"the network returns {type(found).__name__}: expected a tensor or several")


def open_run(run: Path) -> TorchSource:
    """Load a RUN.

    Raises:
        CheckpointError: no run, or a checkpoint of another architecture than its recipe's.
        RecipeError: its recipe cannot be read.
        InputError: its input has another layout than nhwc, which serves both formats.
    """
    loaded = load_run(run)
    if loaded.input.layout != "nhwc":
        raise InputError(f"{run}: recipes are exported with layout nhwc, got {loaded.input.layout}")
    recipe, notes = loaded.recipe, run / "card.md"
    gate = _GATES[recipe.task](recipe)
    facts = Facts(
        recipe.name, recipe.task, recipe.input, recipe.network, recipe.licence,
        recipe.provenance, loaded.sha256,
        notes.read_text(encoding="utf-8") if notes.is_file() else "",
    )  # fmt: skip
    return TorchSource(facts, gate, loaded.model)


def open_module(source: str, description: Description) -> TorchSource:
    """Build the network of ``module:function``.

    Raises:
        InputError: it cannot be built, or does not take the described input.
    """
    network = build_foreign(source).float().eval()
    for parameter in network.parameters():
        # litert-torch reads raw storage: a strided parameter gives a silently wrong model.
        parameter.data = parameter.data.contiguous()
    spec = description.spec(None, "nhwc")
    names = tuple(f"output{i}" for i in range(len(output_shapes(network, spec))))
    decode = decode_of(description, output_shapes(network, spec), names)
    facts = description.facts(source.partition(":")[2], decode, spec, source, _hash(network))
    return TorchSource(facts, ForeignGate(decode, spec), network)


def _hash(network: nn.Module) -> str:
    """Name the weights: a function has no file whose hash could do."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
