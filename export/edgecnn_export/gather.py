"""Brings together what sets the ranges: calibration samples, and ranges that were saved."""

from __future__ import annotations

from pathlib import Path

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import InputError
from edgecnn_export.calibration import CalibrationSet, load_calibration
from edgecnn_export.options import ExportOptions
from edgecnn_export.quantize import Ranges, load_ranges, save_ranges
from edgecnn_export.sources import Source


def gather_calibration(
    source: Source, spec: InputSpec, options: ExportOptions, needing: str | None
) -> CalibrationSet | None:
    """Load the calibration set; of a foreign source's, hold a fifth back where the gate needs it.

    Args:
        source: what is exported.
        spec: how samples are prepared.
        options: name the data.
        needing: a scheme that cannot do without, if any.

    Raises:
        InputError: a scheme needs a set and none is given: there is no default.
        DataError: the set cannot be used.
    """
    if options.calibration is None:
        if needing is not None:
            raise InputError(
                f"{needing} needs --calibration DIR, LIST or NPY: there is no default data"
            )
        return None
    found = load_calibration(options.calibration, spec)
    return found


def load_saved_ranges(folder: Path | None) -> tuple[Ranges, ...]:
    """Read every .json of a folder that `save_all_ranges` wrote.

    Raises:
        InputError: there is none.
        DataError: one is not of that kind.
    """
    if folder is None:
        return ()
    found = tuple(load_ranges(path) for path in sorted(folder.glob("*.json")))
    if not found:
        raise InputError(f"{folder}: no saved ranges: expected .json files of --save-ranges")
    return found


def save_all_ranges(ranges: tuple[Ranges, ...], folder: Path, overwrite: bool) -> None:
    """Write each to its own file, FORMAT-METHOD-MODEL.json."""
    for item in ranges:
        name = f"{item.format}-{item.method}-{item.model_sha256[:12]}.json"
        save_ranges(item, folder / name, overwrite=overwrite)
