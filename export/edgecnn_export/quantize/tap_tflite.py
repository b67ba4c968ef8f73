"""Shows every activation of a TFLite model, one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input
from edgecnn_export.quantize.tflite_graph import activation_indices
from edgecnn_export.quiet import quiet


class TfliteTap:
    """The model in ai-edge-litert's interpreter, which keeps every tensor of the last run."""

    def __init__(self, model: bytes) -> None:
        with quiet():
            from ai_edge_litert.interpreter import Interpreter

            self._interpreter = Interpreter(
                model_content=model, num_threads=1, experimental_preserve_all_tensors=True
            )
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        names = {d["index"]: d["name"] for d in self._interpreter.get_tensor_details()}
        self._tensors = [(i, names[i]) for i in activation_indices(model)]

    def run(self, sample: Input) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run (1, ...) and yield the name and values of the input and of every activation."""
        self._interpreter.set_tensor(self._input, sample)
        self._interpreter.invoke()
        for index, name in self._tensors:
            yield name, self._interpreter.get_tensor(index)
