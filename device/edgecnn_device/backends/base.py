"""What every runtime looks like to the rest of the device half."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.preprocess import Input

DEFAULT_THREADS = 1
"""Small networks lose more to waking threads than they gain; ``--threads`` overrides it."""


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
