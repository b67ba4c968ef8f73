"""Every tolerance of the gate, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from edgecnn.bundle.manifest import Precision


@dataclass(frozen=True)
class Tolerance:
    """What a precision may differ by. ``scale`` is max(1, largest absolute float output)."""

    parity: float | None
    """Largest absolute difference from the float model, times scale; None: the metric decides."""
    golden: float
    """Largest absolute difference of a replay from golden.npz, times scale."""


TOLERANCES = MappingProxyType[Precision, Tolerance](
    {
        "fp32": Tolerance(parity=1e-3, golden=1e-3),
        "fp16": Tolerance(parity=None, golden=1e-2),
        # Integer kernels round differently between processors; the decision must stay the same.
        "int8": Tolerance(parity=None, golden=0.15),
        "int8-symmetric": Tolerance(parity=None, golden=0.15),
        "int8-weights": Tolerance(parity=None, golden=1e-2),
        "int8-dynamic": Tolerance(parity=None, golden=0.15),
        "int16x8": Tolerance(parity=None, golden=0.05),
    }
)

DEFAULT_MAX_DROP = MappingProxyType[str, float](
    {
        "serial_exact": 1.0,
        "accuracy": 1.0,
        "map50": 1.0,
        "pck_5": 1.0,
        "localization_iou": 1.0,
        "tar_fmr_1e-2": 1.0,
        # Without labels every change of mind counts, for the better or the worse.
        "agreement": 2.5,
        # A mean cosine similarity of at least 0.99 with the float model's outputs.
        "cosine": 1.0,
    }
)
"""Percentage points that a variant may lose, by metric."""

FEW_SAMPLES = 500
"""A gate on fewer samples is reported as such."""

MIN_CALIBRATION = 8
"""Fewer samples cannot give ranges."""
