"""Cameras that run for months: opened again when they are gone, and never older than they seem."""

from edgecnn_device.cameras.frame import CameraFrame

__all__ = ["CameraFrame"]
