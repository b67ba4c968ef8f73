"""onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import BundleError
from edgecnn.vision.preprocess import Input
from edgecnn_device.backends.base import run_each
from edgecnn_device.backends.providers import CPU_ONLY, SHORT_NAMES, Provider
from edgecnn_device.backends.runtime import import_onnxruntime


class OnnxBackend:
    """An ONNX model on onnxruntime; by default on its CPU provider."""

    def __init__(
        self, model: bytes, threads: int, providers: Sequence[Provider] = CPU_ONLY
    ) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=[(p.name, dict(p.options)) for p in providers]
            )
        except Exception as error:  # onnxruntime raises many types without a common base
            raise BundleError(f"onnxruntime cannot load the model: {_first_line(error)}") from error
        self._input = self._session.get_inputs()[0].name
        # An open size has a name or None where others have a number.
        self._any_number = not isinstance(self._session.get_inputs()[0].shape[0], int)
        # onnxruntime falls back in silence where a provider's libraries are missing.
        first = self._session.get_providers()[0]
        self.provider = SHORT_NAMES.get(first, first)

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run one input; see `Backend.run`."""
        outputs = self._session.run(None, {self._input: inputs})
        return tuple(np.asarray(o, np.float32) for o in outputs)

    def run_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run several inputs; see `Backend.run_batch`."""
        return self.run(inputs) if self._any_number else run_each(self, inputs)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
