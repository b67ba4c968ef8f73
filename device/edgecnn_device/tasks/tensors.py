"""The `tensors` task on the device: the outputs of a foreign network, passed on as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import TensorsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.placement import Size


@dataclass(frozen=True, eq=False)
class OutputTensor:
    """One output."""

    name: str
    values: NDArray[np.float32]
    """Without the batch axis."""

    decision = ""
    """Nobody knows here what it decides; a replay compares its numbers."""


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[OutputTensor, ...]:
    """Name the outputs."""
    rules = manifest.decode
    assert isinstance(rules, TensorsDecode)
    if len(outputs) != len(rules.names):
        raise BundleError(
            f"expected {len(rules.names)} outputs, got {len(outputs)}: the model does not fit its "
            "manifest"
        )
    return tuple(OutputTensor(n, x[0]) for n, x in zip(rules.names, outputs, strict=True))
