"""The one sample type of each kind of data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LineSample:
    """A picture of one serial-number line."""

    name: str
    """Where it came from: a file, or seed and index."""
    image: NDArray[np.uint8]
    """(H, W, 3) BGR."""
    text: str
    """The serial in canonical form; empty when there is nothing to read."""
    currency: str | None
    """ISO 4217 code; None when there is nothing to read."""
    group: str = ""
    """What belongs together, such as the pictures of one physical note."""
    centres: tuple[float, ...] = ()
    """Middle of each character as a share of the width, where a generator knows it."""
