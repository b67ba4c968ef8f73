"""torch to TFLite through litert-torch, and static int8 through ai-edge-quantizer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgecnn_export.quiet import quiet

SCHEME_INT8 = "static_wi8_ai8"


def to_tflite(model: nn.Module, example: NDArray[np.float32]) -> bytes:
    """Convert to one fp32 TFLite file with (1, H, W, C) input.

    Args:
        model: takes (N, C, H, W), in evaluation mode, every parameter contiguous.
        example: (1, H, W, C); shapes are static.
    """
    with quiet(), tempfile.TemporaryDirectory() as folder:
        import litert_torch  # pulls in jax: seconds, and only needed here

        path = Path(folder) / "model.tflite"
        channels_last = litert_torch.to_channel_last_io(model, args=[0]).eval()
        litert_torch.convert(channels_last, (torch.from_numpy(example),)).export(str(path))
        return path.read_bytes()


def quantize_tflite(model: bytes, calibration: NDArray[np.float32]) -> bytes:
    """Quantize to int8: weights per channel, activations per tensor, input and output int8.

    Args:
        model: an fp32 TFLite file.
        calibration: (N, H, W, C).
    """
    with quiet(), tempfile.TemporaryDirectory() as folder:
        from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
        from ai_edge_quantizer.utils import qsv_utils

        path, out = Path(folder) / "fp32.tflite", Path(folder) / "int8.tflite"
        path.write_bytes(model)
        work = quantizer.Quantizer(str(path), recipe.static_wi8_ai8())
        signature, name = _signature(model)
        samples = [{name: x[None]} for x in calibration]  # read more than once
        # The quantizer's own calibrate() smooths ranges over the samples, which clips the rare
        # large logits: with it, ranges of the same 200 lines cost several points of serials.
        manager = recipe_manager.RecipeManager()
        manager.load_quantization_recipe(recipe.static_wi8_ai8())
        ranges = calibrator.Calibrator(model, qsv_update_func=qsv_utils.min_max_update)
        ranges.calibrate({signature: samples}, manager)
        result = work.quantize(ranges.get_model_qsvs())
        result.export_model(str(out), overwrite=True)
        return out.read_bytes()


def _signature(model: bytes) -> tuple[str, str]:
    """Return the name of the model's signature and of its one input."""
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_content=model).get_signature_list()
    signature = next(iter(signatures))
    return signature, signatures[signature]["inputs"][0]
