"""TFLite: ai-edge-litert, or tflite-runtime where that is what the board has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import BundleError, MissingExtraError
from edgecnn.vision.preprocess import Input


class TfliteBackend:
    """A TFLite model; integer inputs and outputs are scaled here."""

    def __init__(self, model: bytes, threads: int) -> None:
        interpreter_class = _interpreter_class()
        try:
            self._interpreter = interpreter_class(model_content=model, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the TFLite runtime cannot load the model: {error}") from error
        except (SystemError, AttributeError) as error:
            # tflite-runtime 2.14 imports beside numpy 2 and breaks only when it is used.
            raise MissingExtraError(
                "tflite-runtime beside numpy below 2", "tflite-runtime"
            ) from error
        self._input: dict[str, Any] = self._interpreter.get_input_details()[0]
        self._outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run one input; see `Backend.run`."""
        self._interpreter.set_tensor(self._input["index"], _quantize(inputs, self._input))
        self._interpreter.invoke()
        return tuple(
            _dequantize(self._interpreter.get_tensor(o["index"]), o) for o in self._outputs
        )


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError("ai-edge-litert") from error
    return Interpreter


def _quantize(values: Input, detail: dict[str, Any]) -> NDArray[Any]:
    kind = detail["dtype"]
    if kind == values.dtype:
        return values
    scale, zero = detail["quantization"]
    limits = np.iinfo(kind)
    return np.asarray(np.clip(np.rint(values / scale) + zero, limits.min, limits.max), kind)


def _dequantize(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    if detail["dtype"] == np.float32:
        return np.asarray(values, np.float32)
    scale, zero = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * np.float32(scale), np.float32)
