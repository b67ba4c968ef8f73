"""The `read` task on the device: columns of a CTC reader to a serial number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Manifest
from edgecnn.vision.ctc import SerialReading, decode_serial


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest
) -> tuple[SerialReading, ...]:
    """Return the serial in the picture, or nothing."""
    rules = manifest.decode
    found = decode_serial(outputs[0][0], rules.charset, rules.currencies, rules.min_confidence)
    return () if found is None else (found,)
