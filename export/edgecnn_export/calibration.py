"""Calibration sets: the pictures or arrays that set the ranges of int8 variants."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.images import list_images, read_image
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import preprocess
from edgecnn_export.tolerances import MIN_CALIBRATION

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class CalibrationSet:
    """Samples as the network takes them."""

    id: str
    inputs: NDArray[np.float32]
    """(N, ...) in the layout of the spec."""
    hashes: tuple[str, ...]
    """sha256 of each prepared sample, to tell whether two sets share one."""

    @property
    def sha256(self) -> str:
        """Name the set by its content, whatever the order."""
        return hashlib.sha256("\n".join(sorted(self.hashes)).encode()).hexdigest()


def load_calibration(path: Path, spec: InputSpec) -> CalibrationSet:
    """Read a calibration set.

    Args:
        path: a directory of pictures (checked against its manifest.json, where it has one), a
            text file with a picture's path per line, or an .npy / .npz with arrays exactly as
            the model takes them, N first.
        spec: how pictures are prepared.

    Raises:
        DataError: nothing usable, fewer than 8 samples, a wrong shape, or a picture that is not
            the one its manifest lists.
    """
    if path.suffix in {".npy", ".npz"}:
        inputs = _arrays(path, spec)
    elif path.is_dir():
        inputs = _pictures(_listed(path), spec)
    elif path.is_file():
        inputs = _pictures(_from_list(path), spec)
    else:
        raise DataError(f"{path}: no such calibration set: expected a folder, a list or an .npy")
    if len(inputs) < MIN_CALIBRATION:
        raise DataError(f"{path}: {len(inputs)} samples, expected at least {MIN_CALIBRATION}")
    return CalibrationSet(path.name, inputs, tuple(sample_hash(x) for x in inputs))


def sample_hash(prepared: NDArray[np.float32]) -> str:
    """Return the content hash of one prepared sample."""
    return hashlib.sha256(np.ascontiguousarray(prepared).tobytes()).hexdigest()


def _arrays(path: Path, spec: InputSpec) -> NDArray[np.float32]:
    try:
        loaded = np.load(path, allow_pickle=False)
        array = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (OSError, ValueError, IndexError, EOFError) as error:
        raise DataError(f"{path}: not an .npy or .npz of numbers: {error}") from error
    image = (spec.height, spec.width, spec.channels)
    shape = image if spec.layout == "nhwc" else (spec.channels, spec.height, spec.width)
    if array.ndim != 4 or array.shape[1:] != shape or array.dtype != np.float32:
        raise DataError(
            f"{path}: expected float32 (N, {', '.join(map(str, shape))}), "
            f"got {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all():
        raise DataError(f"{path}: holds NaN or infinity")
    return np.ascontiguousarray(array)


def _listed(folder: Path) -> list[Path]:
    """Return the folder's pictures, those of its manifest where it has one."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        return list_images(folder)
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        wanted = [(folder / e["file"], e["sha256"]) for e in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{manifest}: expected files with file and sha256: {error!r}") from error
    for file, sha256 in wanted:
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{file}: listed in {MANIFEST} and cannot be read") from error
        if found != sha256:
            raise DataError(f"{file}: not the picture that {MANIFEST} lists (its hash differs)")
    return [file for file, _ in wanted]


def _from_list(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file with a picture's path per line") from error
    return [path.parent / line.strip() for line in lines if line.strip()]


def _pictures(files: list[Path], spec: InputSpec) -> NDArray[np.float32]:
    prepared = [preprocess(read_image(file), spec) for file in files]
    return np.stack(prepared) if prepared else np.empty((0,), np.float32)
