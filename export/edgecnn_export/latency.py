"""How long variants take here; for the report alone, as a bundle carries nothing timed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.vision.preprocess import input_shape
from edgecnn_device.backends import open_backend

ROUNDS = 30
WARM_UP = 3


def measure_latency(
    models: Mapping[str, tuple[Format, bytes]], spec: InputSpec
) -> dict[str, float]:
    """Time models in turn, so that what disturbs one disturbs all.

    Args:
        models: format and file by name.
        spec: what they take.

    Returns:
        The median of `ROUNDS` inferences of each, milliseconds, on one thread.
    """
    example = np.zeros((1, *input_shape(spec)), spec.dtype)
    backends = {name: open_backend(kind, data) for name, (kind, data) in models.items()}
    found: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(WARM_UP + ROUNDS):
        for name, backend in backends.items():
            begun = time.perf_counter()
            backend.run(example)
            if turn >= WARM_UP:
                found[name].append(1e3 * (time.perf_counter() - begun))
    return {name: float(np.median(times)) for name, times in found.items()}
