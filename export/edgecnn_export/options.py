"""What to export, and how strictly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle.manifest import Format, Precision
from edgecnn_export.quantize import Method
from edgecnn_export.sources import Description, Sliding
from edgecnn_export.workshop import PLAIN, Improvement


@dataclass(frozen=True)
class ExportOptions:
    """What to export, and how strictly."""

    calibration: Path | None = None
    """Needed for int8."""
    samples: int | None = None
    """How many calibration samples to use; None: all."""
    seed: int = 0
    """Of the choice of calibration samples."""
    evaluate: Path | None = None
    """What the gate scores; by default the recipe's validation split, or for a foreign source a
    fifth of the calibration set, held back from calibration."""
    curve: Path | None = None
    """A DATASET of people whom nothing was trained, chosen or calibrated with: which similarity two
    different people exceed how rarely is measured on it, for what gives vectors."""
    formats: tuple[Format, ...] = ()
    """By default all that the source can be converted to, TFLite first."""
    precisions: tuple[Precision, ...] = ("int8", "fp32")
    """Both in order of preference: the first variant is the device's default."""
    method: Method | Literal["auto"] = "auto"
    """How ranges are chosen from the calibration set; auto: see `choose_method`."""
    improvement: Improvement = PLAIN
    """Done before every quantized variant, not only where the ladder needs it."""
    ladder: bool = True
    """Whether a static int8 variant that misses is tried in other ways."""
    sensitivity: bool = False
    """Whether to measure what each layer loses, also where the ladder is not climbed."""
    bake: bool = False
    """Whether normalization goes into the files, which then take uint8 pixels."""
    max_drop: float | None = None
    """Percentage points; None: the default of the metric, see `DEFAULT_MAX_DROP`."""
    ranges: Path | None = None
    """A file of ranges that were saved, used instead of measuring."""
    save_ranges: Path | None = None
    """A file for the ranges that were measured."""
    description: Description | None = None
    """Of a foreign source."""
    sliding: Sliding | None = None
    """Exports a classifier as a detector that slides over the picture."""
    decode_boxes: bool = False
    """Puts a detector's decoder into its ONNX file."""
    key: Ed25519PrivateKey | None = None
    """Signs the bundle."""
    overwrite: bool = False
