"""Finds the samples that ``--calibration`` names, and reads none yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.archive import is_archive
from edgecnn.data.images import list_images
from edgecnn.data.open import DESCRIPTION, open_dataset
from edgecnn.data.readers.common import FilePicture, is_picture, visible
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError
from edgecnn_export.calibration.arrays import SUFFIXES, open_arrays
from edgecnn_export.calibration.inputs import Pictures, Streamed

MANIFEST = "manifest.json"
_DESCRIPTIONS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, eq=False)
class Found:
    """Samples that were found and not read yet."""

    id: str
    inputs: Streamed
    names: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    """Of each sample, where they are known."""
    warnings: tuple[str, ...] = ()


def find_samples(path: Path, spec: InputSpec) -> Found:
    """Find samples; see `edgecnn_export.calibration.load_calibration`.

    Raises:
        DataError: nothing there that can be used.
    """
    if path.suffix.lower() in SUFFIXES and path.is_file():
        inputs = open_arrays(path, spec)
        return Found(path.name, inputs, tuple(f"{path}[{row}]" for row in inputs.rows))
    if path.is_dir():
        return _in_folder(path, spec)
    if path.suffix.lower() == ".json" and path.is_file() and _is_manifest(path):
        return _pictures(path.parent.absolute().name, _listed(path), spec)
    if path.is_file() and path.suffix.lower() not in _DESCRIPTIONS and not is_archive(path):
        return _pictures(path.name, _from_list(path), spec)
    return _in_dataset(path, spec)


def _in_folder(path: Path, spec: InputSpec) -> Found:
    name = path.name or path.absolute().name
    if (path / MANIFEST).exists():
        return _pictures(name, _listed(path / MANIFEST), spec)
    inside = visible(path)
    deeper = any(p.is_dir() or is_archive(p) for p in inside) and not any(map(is_picture, inside))
    if deeper or (path / DESCRIPTION).exists():
        return _in_dataset(path, spec)
    files = list_images(path)
    return _pictures(name, [(file.name, file) for file in files], spec)


def _pictures(name: str, files: Sequence[tuple[str, Path]], spec: InputSpec) -> Found:
    origin = Pictures(tuple(FilePicture(file) for _, file in files), spec)
    return Found(name, Streamed(origin, range(len(files))), tuple(name for name, _ in files))


def _in_dataset(path: Path, spec: InputSpec) -> Found:
    try:
        dataset = open_dataset(path)
    except DataError as error:
        if path.exists():
            raise
        raise DataError(
            f"{path}: no such calibration set: expected a folder, a list, an .npy or a DATASET "
            f"({error})"
        ) from error
    samples = dataset.samples
    origin = Pictures(tuple(sample.read for sample in samples), spec)
    classes = tuple(_class(sample) for sample in samples)
    return Found(
        path.name, Streamed(origin, range(len(samples))), tuple(s.name for s in samples),
        classes if len(set(classes)) > 1 else None, _left_out(dataset),
    )  # fmt: skip


def _class(sample: Sample) -> str:
    """Name the class of a picture, which is the set of its boxes' classes where it has boxes."""
    found = [sample.label] if sample.label is not None else np.unique(sample.box_labels).tolist()
    return " ".join(map(str, found))


def _left_out(dataset: Dataset) -> tuple[str, ...]:
    if not dataset.faults:
        return ()
    first = f"{dataset.faults[0].file}: {dataset.faults[0].detail}"
    return (f"{dataset.name}: {len(dataset.faults)} entries are left out, the first: {first}",)


def _is_manifest(path: Path) -> bool:
    """Tell a manifest from a COCO file."""
    if path.name == MANIFEST:
        return True
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "files" in content


def _listed(manifest: Path) -> list[tuple[str, Path]]:
    """Return the pictures of a manifest, each of which is the one that it names."""
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        wanted = [(str(e["file"]), manifest.parent / e["file"], e["sha256"]) for e in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{manifest}: expected files with file and sha256: {error!r}") from error
    for _, file, sha256 in wanted:
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except (OSError, ValueError) as error:
            raise DataError(f"{file}: listed in {manifest.name} and cannot be read") from error
        if found != sha256:
            raise DataError(
                f"{file}: not the picture that {manifest.name} lists (its hash differs)"
            )
    return [(name, file) for name, file, _ in wanted]


def _from_list(path: Path) -> list[tuple[str, Path]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file with a picture's path per line") from error
    names = (line.strip() for line in lines)
    return [(name, path.parent / name) for name in names if name]
