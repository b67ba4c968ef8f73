"""The device half of edgecnn: runs bundles, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgecnn_device.runner import Runner, open_runner

__all__ = ["Runner", "open_runner"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: a process that reads a camera needs no runtime."""
    if name in __all__:
        from edgecnn_device import runner

        return getattr(runner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
