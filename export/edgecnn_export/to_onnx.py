"""torch to ONNX, fp32; `edgecnn_export.quantize` makes the other schemes of it."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import InputError
from edgecnn.vision.preprocess import Input
from edgecnn_export.bake import Baked
from edgecnn_export.quiet import quiet

INPUT = "input"


class _ChannelsLast(nn.Module):
    """Takes (N, H, W, C), as the TFLite variants do, so that one manifest fits both."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x.permute(0, 3, 1, 2))
        return out


def to_onnx(
    model: nn.Module, example: Input, outputs: int = 1, bake: InputSpec | None = None,
    any_size: bool = False,
) -> bytes:  # fmt: skip
    """Export to one fp32 ONNX file.

    Args:
        model: takes (N, C, H, W), in evaluation mode.
        example: (1, H, W, C); shapes are static.
        outputs: how many tensors it gives.
        bake: of the pixels, where normalization goes into the file; the example is uint8 then.
        any_size: leave height and width open; those of the example are the least.

    Returns:
        The file's bytes; equal for equal weights.

    Raises:
        InputError: the size of the input cannot be left open.
    """
    names = ["output"] if outputs == 1 else [f"output{i}" for i in range(outputs)]
    wrapped: nn.Module = _ChannelsLast(model)
    if bake is not None:
        wrapped = Baked(wrapped, bake)
    open_sides = None
    if any_size:
        _, height, width, _ = example.shape
        open_sides = ({1: Dim("height", min=height), 2: Dim("width", min=width)},)
        # An output of one row or column would be taken for always having one.
        example = np.zeros((1, 2 * height, 3 * width, example.shape[3]), example.dtype)
    try:
        with quiet():
            program = torch.onnx.export(
                wrapped.eval(), (torch.from_numpy(example),), dynamo=True, external_data=False,
                input_names=[INPUT], output_names=names, verbose=False, dynamic_shapes=open_sides,
            )  # fmt: skip
    except Exception as error:  # torch raises types without a common base
        if not any_size:
            raise
        raise InputError(
            f"{type(model).__name__}: torch cannot leave the size of its input open: give one by "
            "--input C,H,W"
        ) from error
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    proto = program.model_proto
    strip(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def strip(proto: onnx.ModelProto) -> None:
    """Drop what the exporter notes about this machine: stack traces and source paths."""
    del proto.metadata_props[:]
    proto.doc_string = ""
    graph = proto.graph
    del graph.metadata_props[:]
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]
