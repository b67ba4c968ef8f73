"""The `localize` task on the device: outputs to the one box in a picture, or nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import BoxDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.vision.localize import decode_location
from edgecnn.vision.placement import Size, placement
from edgecnn_device.tasks.detect import Box, boxes_of


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[Box, ...]:
    """Return the thing in a picture of this size, scored by the probability that one is there."""
    rules = manifest.decode
    assert isinstance(rules, BoxDecode)
    found = decode_location(outputs, rules, placement(size, manifest.input))
    return boxes_of(found, rules.labels)
