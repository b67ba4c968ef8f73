"""The `read` task on the device: columns of a CTC reader to a serial number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import ReadDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.ctc import SerialReading, decode_serial
from edgecnn.vision.placement import Size


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[SerialReading, ...]:
    """Return the serial in the picture, or nothing."""
    rules = manifest.decode
    assert isinstance(rules, ReadDecode)
    shape = outputs[0].shape
    if len(shape) != 3 or shape[0] != 1 or 0 in shape or shape[2] != len(rules.charset) + 1:
        raise BundleError(
            f"expected outputs (1, columns, {len(rules.charset) + 1}), got {shape}: "
            "the model does not fit its manifest"
        )
    found = decode_serial(outputs[0][0], rules.charset, rules.currencies, rules.min_confidence)
    return () if found is None else (found,)


def serial_of(results: Iterable[object]) -> SerialReading | None:
    """Return the serial among the results of one picture, where there is one."""
    return next((r for r in results if isinstance(r, SerialReading)), None)
