"""What every runtime looks like to the rest of the device half."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input

DEFAULT_THREADS = 1
"""Small networks gain little from more, and lose when the other cores have work: on two busy ones
the reader took 0.81 ms with one thread and 1.8 with two. ``--threads`` overrides it."""


class Backend(Protocol):
    """A loaded network."""

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run one input.

        Args:
            inputs: (1, ...) in the layout and type of the manifest; quantizing it, where the
                file takes other integers, is the backend's business.

        Returns:
            Each output as float32 with a leading axis of 1.
        """
        ...

    def run_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run several inputs, at once where the file leaves the number of them open.

        Args:
            inputs: (N, ...), N at least 1, else as for `run`.

        Returns:
            Each output as float32 with a leading axis of N.
        """
        ...


def run_each(backend: Backend, inputs: Input) -> tuple[NDArray[np.float32], ...]:
    """Run several inputs one at a time; see `Backend.run_batch`."""
    parts = [backend.run(inputs[i : i + 1]) for i in range(len(inputs))]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
