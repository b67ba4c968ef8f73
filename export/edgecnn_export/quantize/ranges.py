"""Measured ranges: a value that can be saved, and used again for the model it belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, FiniteFloat, TypeAdapter, ValidationError

from edgecnn.bundle.manifest import Format, Sha256
from edgecnn.errors import DataError
from edgecnn.files import write_atomic
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
    sample_sha256: tuple[Sha256, ...]
    """Of each calibration sample, sorted, to tell which data set the ranges and whether a gate
    shares some of it."""
    tensors: tuple[TensorRange, ...]
    """By name."""
    constant: tuple[str, ...] = ()
    """Activations that never changed: a layer that is dead on the calibration samples."""
    schema_version: Literal[1] = 1

    @property
    def samples(self) -> int:
        """Number of calibration samples."""
        return len(self.sample_sha256)

    @property
    def sha256(self) -> str:
        """Name the calibration set by its content, as `CalibrationSet.sha256` does."""
        return hashlib.sha256("\n".join(self.sample_sha256).encode()).hexdigest()

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

    def to_json(self) -> bytes:
        """Serialize; equal ranges give equal bytes."""
        return _ADAPTER.dump_json(self, indent=1) + b"\n"


_ADAPTER = TypeAdapter(Ranges)


def save_ranges(ranges: Ranges, path: Path, *, overwrite: bool = False) -> None:
    """Write ranges to a JSON file.

    Raises:
        InputError: the file exists and ``overwrite`` is not set, or it cannot be written.
    """
    write_atomic(path, ranges.to_json(), overwrite=overwrite)


def load_ranges(path: Path) -> Ranges:
    """Read ranges.

    Raises:
        DataError: no such file, or not one that `save_ranges` wrote.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot read the ranges: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{path}: not saved ranges: {where}: {first['msg']}") from error
