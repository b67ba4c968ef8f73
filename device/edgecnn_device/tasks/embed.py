"""The `embed` task on the device: one vector per picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import VectorDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.placement import Size


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a network makes of a picture, to be compared with others by their angle."""

    vector: NDArray[np.float32]
    """(D,), as the network gives it: not normalized."""

    decision = ""
    """A vector decides nothing by itself; a replay compares its numbers."""


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[Embedding, ...]:
    """Return the vector."""
    rules = manifest.decode
    assert isinstance(rules, VectorDecode)
    if outputs[0].shape != (1, rules.size):
        raise BundleError(
            f"expected outputs (1, {rules.size}), got {outputs[0].shape}: the model does not fit "
            "its manifest"
        )
    return (Embedding(outputs[0][0]),)
