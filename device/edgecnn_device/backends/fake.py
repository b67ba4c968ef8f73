"""A backend without a runtime, for tests and for trying out what stands around a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input
from edgecnn_device.backends.base import run_each


class FakeBackend:
    """Answers with a function of the input instead of a network."""

    def __init__(
        self, answer: Callable[[Input], NDArray[np.float32] | tuple[NDArray[np.float32], ...]]
    ) -> None:
        self._answer = answer
        self.calls = 0

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Return the function's answer, and count the call."""
        self.calls += 1
        found = self._answer(inputs)
        return found if isinstance(found, tuple) else (found,)

    def run_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Answer each input by itself."""
        return run_each(self, inputs)
