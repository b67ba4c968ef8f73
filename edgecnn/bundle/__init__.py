"""The bundle: the only thing that crosses from the host to the device."""

from edgecnn.bundle.decode import LabelsDecode, ReadDecode
from edgecnn.bundle.manifest import (
    SCHEMA_VERSION,
    Calibration,
    InputSpec,
    Manifest,
    Metric,
    Parity,
    Variant,
)
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.bundle.write import write_bundle

__all__ = [
    "SCHEMA_VERSION",
    "Bundle",
    "Calibration",
    "InputSpec",
    "LabelsDecode",
    "Manifest",
    "Metric",
    "Parity",
    "ReadDecode",
    "Variant",
    "read_bundle",
    "write_bundle",
]
