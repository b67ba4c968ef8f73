"""Ranges kept in a file, and used again for the models that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edgecnn.bundle.manifest import Format
from edgecnn.errors import DataError
from edgecnn.files import write_atomic
from edgecnn_export.calibration import CalibrationSet
from edgecnn_export.quantize.methods import Method
from edgecnn_export.quantize.ranges import Ranges

_ADAPTER = TypeAdapter(tuple[Ranges, ...])


def pick_ranges(
    kind: Format, model: bytes, method: Method, calibration: CalibrationSet | None,
    saved: Sequence[Ranges],
) -> Ranges:  # fmt: skip
    """Return the saved ranges of a model.

    Args:
        kind: the format of the model.
        model: an fp32 file.
        method: how they must have been chosen.
        calibration: the set that they must be of; None: whichever it was.
        saved: of `load_ranges`, of any formats.

    Raises:
        DataError: they are of another format, method, model or calibration set.
    """
    of_kind = [ranges for ranges in saved if ranges.format == kind]
    if not of_kind:
        there = ", ".join(sorted({ranges.format for ranges in saved}))
        raise DataError(f"no saved ranges of {kind}, only of {there}: measure them again")
    of_method = [ranges for ranges in of_kind if ranges.method == method]
    if not of_method:
        there = ", ".join(ranges.method for ranges in of_kind)
        raise DataError(
            f"the saved {kind} ranges are by {there}, expected {method}: give --method, or measure "
            "them again"
        )
    found = of_method[0]
    found.require_model(kind, model)
    if calibration is not None and calibration.sha256 != found.calibration.sha256:
        ours = found.calibration
        raise DataError(
            f"the saved {kind} ranges are of the calibration set {ours.id!r}, {ours.samples} "
            f"samples, {ours.sha256[:12]}, expected {calibration.id!r}, "
            f"{len(calibration.hashes)} samples, {calibration.sha256[:12]}: measure them again, or "
            "leave out the set"
        )
    return found


def save_ranges(ranges: Sequence[Ranges], path: Path, *, overwrite: bool = False) -> None:
    """Write ranges, of one format or several, to a JSON file; equal ranges give equal bytes.

    Raises:
        InputError: the file exists and ``overwrite`` is not set, or it cannot be written.
    """
    data = _ADAPTER.dump_json(tuple(ranges), indent=1) + b"\n"
    write_atomic(path, data, overwrite=overwrite)


def load_ranges(path: Path) -> tuple[Ranges, ...]:
    """Read ranges.

    Raises:
        DataError: no such file, or not one that `save_ranges` wrote.
    """
    try:
        loaded = _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot read the ranges: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{path}: not saved ranges: {where}: {first['msg']}") from error
    if not loaded:
        raise DataError(f"{path}: no ranges in it")
    return loaded
