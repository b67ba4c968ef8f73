"""Makes the TFLite file of each scheme."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn_export.quantize.ranges import Ranges
from edgecnn_export.quantize.schemes import Scheme
from edgecnn_export.quantize.tflite_graph import head_names
from edgecnn_export.quiet import quiet


def make_tflite(
    fp32: bytes, scheme: Scheme, ranges: Ranges | None, excluded: Sequence[str]
) -> bytes:
    """Return the file of a scheme; see `edgecnn_export.quantize.quantize`."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        from ai_edge_quantizer import quantizer, recipe_manager

        path, out = Path(folder) / "fp32.tflite", Path(folder) / "out.tflite"
        path.write_bytes(fp32)
        work = quantizer.Quantizer(str(path), _recipe(scheme))
        for name in (*excluded, *(head_names(fp32) if scheme.needs_ranges else ())):
            work.update_quantization_recipe(
                f"^{re.escape(name)};$", "*", algorithm_key=recipe_manager.AlgorithmName.NO_QUANTIZE
            )
        result = work.quantize(None if ranges is None else _statistics(ranges))
        result.export_model(str(out), overwrite=True)
        return out.read_bytes()


def _recipe(scheme: Scheme) -> Any:
    from ai_edge_quantizer import qtyping, recipe, recipe_manager

    if scheme.name != "fp16":
        return getattr(recipe, scheme.stands_for)()
    manager = recipe_manager.RecipeManager()
    manager.add_quantization_config(
        ".*", "*",
        qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(
                num_bits=16, dtype=qtyping.TensorDataType.FLOAT
            ),
            compute_precision=qtyping.ComputePrecision.FLOAT, explicit_dequantize=True,
        ),
        recipe_manager.AlgorithmName.FLOAT_CASTING,
    )  # fmt: skip
    return manager.get_quantization_recipe()


def _statistics(ranges: Ranges) -> dict[str, dict[str, Any]]:
    return {
        t.name: {"min": np.array([t.low], np.float32), "max": np.array([t.high], np.float32)}
        for t in ranges.tensors
    }
