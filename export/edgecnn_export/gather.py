"""Brings together the calibration samples, and what a foreign source's gate has of them."""

from __future__ import annotations

from edgecnn_export.calibration import (
    CalibrationSet,
    load_calibration,
    split_calibration,
)
from edgecnn_export.options import ExportOptions
from edgecnn_export.sources import Source
from edgecnn_export.tasks.foreign import ForeignGate, gate_set


def gather_calibration(source: Source, options: ExportOptions) -> CalibrationSet | None:
    """Load the calibration set; of a foreign source's, hold a fifth back where the gate needs it.

    Args:
        source: what is exported.
        options: name the data; None: there is none.

    Raises:
        DataError: the set cannot be used.
    """
    if options.calibration is None:
        return None
    spec, gate = source.facts.input, source.gate
    found = load_calibration(options.calibration, spec, options.samples, options.seed)
    if options.evaluate is None and isinstance(gate, ForeignGate):
        found, held = split_calibration(found, seed=options.seed)
        gate.hold_back(gate_set(held))
    return found
