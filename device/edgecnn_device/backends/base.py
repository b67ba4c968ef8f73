"""What every runtime looks like to the rest of the device half."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DEFAULT_THREADS = 1
"""Small networks gain little from more, and lose when the other cores have work: on two busy ones
the reader took 0.81 ms with one thread and 1.8 with two. ``--threads`` overrides it."""


class Backend(Protocol):
    """A loaded network."""

    def run(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run one input.

        Args:
            inputs: (1, ...) float32 in the layout of the manifest; quantizing it, where the
                network takes integers, is the backend's business.

        Returns:
            Each output as float32 with a leading axis of 1.
        """
        ...
