"""A teacher that is asked while its student learns: an ONNX file beside the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from edgecnn.errors import DataError

Shape = tuple[int, int, int]
"""C, H, W."""


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of a batch."""

    vectors: Tensor
    """(N, D), of any length."""
    maps: tuple[Tensor, ...]
    """(N, C, H, W) of features, in running order; () where it gives none."""


class OnlineTeacher:
    """Runs a teacher on the very pictures that its student sees, augmented as they are.

    Args:
        path: an ONNX file with one input, (N, C, H, W) prepared as the recipe's input says, and the
            outputs (N, D), vectors, and perhaps (N, C', H', W'), maps of features in running order.

    Raises:
        DataError: no such file, or not such a network.
    """

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise DataError(f"{path}: expected a teacher: {error}") from error
        except Exception as error:  # onnxruntime has no one type for a file it cannot read
            raise DataError(f"{path}: not an ONNX file that runs here: {error}") from error
        outputs = [o.shape for o in self._session.get_outputs()]
        if [len(shape) for shape in outputs] != [2] + [4] * (len(outputs) - 1):
            raise DataError(
                f"{path}: expected vectors (N, D) and perhaps maps (N, C, H, W), its outputs are "
                f"{outputs}"
            )
        self._input = self._session.get_inputs()[0].name

    def shapes(self, shape: Shape) -> tuple[int, tuple[Shape, ...]]:
        """Return D, and C, H and W of each map, for inputs of (C, H, W), by trying.

        Raises:
            DataError: it does not take such inputs.
        """
        try:
            lesson = self(torch.zeros(2, *shape))
        except Exception as error:  # likewise
            raise DataError(f"the teacher does not take pictures of {shape}: {error}") from error
        return lesson.vectors.shape[1], tuple(
            (found.shape[1], found.shape[2], found.shape[3]) for found in lesson.maps
        )

    def __call__(self, pixels: Tensor) -> Lesson:
        """Ask about (N, C, H, W) pixels as the recipe prepares them, on any device."""
        values = np.ascontiguousarray(pixels.detach().float().cpu().numpy())
        outputs = self._session.run(None, {self._input: values})
        found = [torch.from_numpy(x).to(pixels.device) for x in outputs]
        return Lesson(found[0], tuple(found[1:]))
