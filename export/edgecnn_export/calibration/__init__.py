"""Calibration sets: found, chosen, checked and streamed, one prepared sample at a time."""

from edgecnn_export.calibration.inputs import Inputs
from edgecnn_export.calibration.sets import CalibrationSet, load_calibration, split_calibration
from edgecnn_export.calibration.survey import sample_hash, set_hash

__all__ = [
    "CalibrationSet",
    "Inputs",
    "load_calibration",
    "sample_hash",
    "set_hash",
    "split_calibration",
]
