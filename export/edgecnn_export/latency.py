"""How long variants take here; for the report alone, as a bundle carries nothing timed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.vision.preprocess import network_input
from edgecnn_device.backends import open_backend

ROUNDS = 30
WARM_UP = 3


def measure_latency(
    models: Mapping[str, tuple[Format, bytes]], spec: InputSpec, in_a_row: int = 1
) -> dict[str, float]:
    """Time models in turn, so that what disturbs one disturbs all.

    Args:
        models: format and file by name.
        spec: what they take.
        in_a_row: inferences of one turn. One lets each model find the caches full of another's
            weights; a device that runs one network alone is nearer to ten.

    Returns:
        The median over `ROUNDS` turns of each, milliseconds, on one thread.
    """
    noise = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    example = network_input(noise, spec)[None]
    backends = {name: open_backend(kind, data) for name, (kind, data) in models.items()}
    found: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(WARM_UP + ROUNDS):
        for name, backend in backends.items():
            for _ in range(in_a_row):
                begun = time.perf_counter()
                backend.run(example)
                if turn >= WARM_UP:
                    found[name].append(1e3 * (time.perf_counter() - begun))
    return {name: float(np.median(times)) for name, times in found.items()}
