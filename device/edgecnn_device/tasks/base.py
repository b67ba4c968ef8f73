"""What a task's decoder takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Manifest
from edgecnn.vision.ctc import SerialReading

Result: TypeAlias = SerialReading
"""One thing found in a picture; a union as tasks are added."""

Decoder: TypeAlias = Callable[[tuple[NDArray[np.float32], ...], Manifest], tuple[Result, ...]]
"""From the outputs of a network, each with a leading axis of 1, to what they mean."""
