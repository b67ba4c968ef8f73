"""Measured ranges: a value that can be saved, and used again for the model it belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict, FiniteFloat

from edgecnn.bundle.manifest import Calibration, Format, Sha256
from edgecnn.errors import DataError
from edgecnn_export.calibration import set_hash
from edgecnn_export.quantize.methods import Method


@dataclass(frozen=True)
class TensorRange:
    """The range of one activation."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    name: str
    low: FiniteFloat
    high: FiniteFloat


@dataclass(frozen=True)
class Ranges:
    """The ranges of every activation of one fp32 model."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    format: Format
    model_sha256: Sha256
    """Of the fp32 file they were measured on."""
    method: Method
    calibration: Calibration
    """The set that they were measured on, as a manifest names it."""
    sample_sha256: tuple[Sha256, ...]
    """Of each calibration sample, sorted, to tell whether a gate shares some of them."""
    tensors: tuple[TensorRange, ...]
    """By name."""
    constant: tuple[str, ...] = ()
    """Activations that never changed: a layer that is dead on the calibration samples."""
    schema_version: Literal[1] = 1

    def __post_init__(self) -> None:
        named = (self.calibration.sha256, self.calibration.samples)
        if named != (set_hash(self.sample_sha256), len(self.sample_sha256)):
            raise ValueError("calibration does not name the samples of sample_sha256")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of them, a line each."""
        return tuple(
            f"{self.format}: activation {name} is the same for all {self.calibration.samples} "
            "calibration samples: a dead layer, or samples that are too much alike"
            for name in self.constant
        )

    def require_model(self, kind: Format, model: bytes) -> None:
        """Refuse ranges of another model.

        Raises:
            DataError: another format, or another file.
        """
        found = hashlib.sha256(model).hexdigest()
        if (self.format, self.model_sha256) != (kind, found):
            raise DataError(
                f"the ranges are of the {self.format} model {self.model_sha256[:12]}, expected "
                f"those of the {kind} model {found[:12]}: measure them again"
            )
