"""Keeps who is enrolled: templates sealed at rest, compared in memory."""

from edgecnn_device.gallery.identity import ModelIdentity

__all__ = ["ModelIdentity"]
