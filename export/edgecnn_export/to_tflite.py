"""torch to TFLite, fp32; `edgecnn_export.quantize` makes the other schemes of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import nn

from edgecnn.bundle.manifest import InputSpec
from edgecnn.vision.preprocess import Input
from edgecnn_export.bake import Baked
from edgecnn_export.quiet import quiet


def to_tflite(model: nn.Module, example: Input, bake: InputSpec | None = None) -> bytes:
    """Convert to one fp32 TFLite file with (1, H, W, C) input.

    Args:
        model: takes (N, C, H, W), in evaluation mode, every parameter contiguous.
        example: (1, H, W, C); shapes are static.
        bake: of the pixels, where normalization goes into the file; the example is uint8 then.
    """
    with quiet(), tempfile.TemporaryDirectory() as folder:
        import litert_torch  # pulls in jax: seconds, and only needed here

        path = Path(folder) / "model.tflite"
        wrapped: nn.Module = litert_torch.to_channel_last_io(model, args=[0])
        if bake is not None:
            wrapped = Baked(wrapped, bake)
        litert_torch.convert(wrapped.eval(), (torch.from_numpy(example),)).export(str(path))
        return path.read_bytes()
