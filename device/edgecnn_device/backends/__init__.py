"""Runtimes behind one method."""

from edgecnn_device.backends.base import Backend
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.backends.open import open_backend

__all__ = ["Backend", "FakeBackend", "open_backend"]
