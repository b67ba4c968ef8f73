"""TFLite: ai-edge-litert, or tflite-runtime where that is what the board has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import BundleError, MissingExtraError
from edgecnn.vision.preprocess import Input
from edgecnn_device.backends.base import run_each


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
        self._quantize = _Quantizer(self._input)
        self._outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run one input; see `Backend.run`."""
        self._interpreter.set_tensor(self._input["index"], self._quantize(inputs))
        self._interpreter.invoke()
        return tuple(
            _dequantize(self._interpreter.get_tensor(o["index"]), o) for o in self._outputs
        )

    def run_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run several inputs one at a time: the files have a batch of 1.

        An interpreter can resize its input, but gained nothing by it on a CPU, and a network with
        a linear layer after a flattening refused; see tests/bench/windows_batch.py.
        """
        return run_each(self, inputs)


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError("ai-edge-litert") from error
    return Interpreter


class _Quantizer:
    """Rounds an input to the integers of a network, in memory that it keeps.

    New arrays of this size are mapped and cleared by the system each time.
    """

    def __init__(self, detail: dict[str, Any]) -> None:
        self._kind = detail["dtype"]
        self._scale, self._zero = detail["quantization"]
        shape = tuple(int(n) for n in detail["shape"])
        self._steps, self._out = np.empty(shape, np.float32), np.empty(shape, self._kind)

    def __call__(self, values: Input) -> NDArray[Any]:
        """Return the integers; the next call overwrites them."""
        if values.dtype == self._kind:
            return values
        limits = np.iinfo(self._kind)
        np.divide(values, np.float32(self._scale), out=self._steps)
        np.rint(self._steps, out=self._steps)
        np.add(self._steps, np.float32(self._zero), out=self._steps)
        np.clip(self._steps, limits.min, limits.max, out=self._steps)
        np.copyto(self._out, self._steps, casting="unsafe")
        return self._out


def _dequantize(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    if detail["dtype"] == np.float32:
        return np.asarray(values, np.float32)
    scale, zero = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * np.float32(scale), np.float32)
