"""Cameras that run for months: opened again when they are gone, and never older than they seem."""

from edgecnn_device.cameras.address import Address, is_camera, parse_address
from edgecnn_device.cameras.capture import Capture, CaptureStatus, Corrupt
from edgecnn_device.cameras.frame import CameraFrame
from edgecnn_device.cameras.redact import redact
from edgecnn_device.cameras.slot import Slot
from edgecnn_device.cameras.source import SourceError
from edgecnn_device.cameras.state import State

__all__ = [
    "Address",
    "CameraFrame",
    "Capture",
    "CaptureStatus",
    "Corrupt",
    "Slot",
    "SourceError",
    "State",
    "is_camera",
    "parse_address",
    "redact",
]
