"""Chooses a variant by a short measurement, once per machine."""

from __future__ import annotations

from edgecnn.bundle.manifest import Variant
from edgecnn.bundle.read import Bundle
from edgecnn.errors import EdgecnnError
from edgecnn_device.child import ask_child
from edgecnn_device.choice import Choice, remember_choice

_TIMEOUT_S = 120.0


def measure_once(bundle: Bundle, default: Variant, threads: int) -> Choice:
    """Measure the variants on the CPU for a moment, and remember the fastest.

    It is done in a process of its own, so that the caller keeps the memory of one runtime only
    and outlives a runtime that does not. Accelerators are left to `edgecnn bench --target`: an
    engine takes minutes to build.

    Args:
        bundle: an opened bundle.
        default: chosen where the measurement fails; remembered, too, so that it does not fail
            again at every start.
        threads: of the runtime.
    """
    try:
        file = ask_child("edgecnn_device.turns", (str(bundle.path), str(threads)), _TIMEOUT_S)
    except EdgecnnError:
        file = default.file
    found = (v for v in bundle.manifest.variants if v.file == file)
    choice = Choice(next(found, default))
    remember_choice(bundle, threads, choice)
    return choice
