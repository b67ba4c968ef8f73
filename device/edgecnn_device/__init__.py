"""The device half of edgecnn: runs bundles, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn_device.runner import Runner, open_runner

__all__ = ["Runner", "open_runner"]


def __getattr__(name: str) -> object:
    """Import the runner when it is asked for (PEP 562).

    A configuration is checked without numpy and OpenCV, the daemon says how many threads BLAS may
    take before numpy is loaded, and a process that reads a camera needs no runtime.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edgecnn_device import runner

    return getattr(runner, name)
