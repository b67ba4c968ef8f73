"""The device half of edgecnn: runs bundles, without torch."""

from edgecnn_device.runner import Runner, open_runner

__all__ = ["Runner", "open_runner"]
