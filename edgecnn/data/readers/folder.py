"""Folder per class: ``CLASS/picture.jpg``, or ``SPLIT/CLASS/picture.jpg``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgecnn.data.readers.common import (
    SPLITS,
    FilePicture,
    finish,
    is_picture,
    order_splits,
    relative,
    unknown_class,
    visible,
)
from edgecnn.data.samples import Dataset, Fault, Sample

_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini"})


def splits(root: Path) -> tuple[str, ...]:
    """Return the splits; ("",) where the set is undivided, () where it is none of this kind."""
    folders = _folders(root)
    parts = [f.name for f in folders if any(_holds_pictures(inner) for inner in _folders(f))]
    named = [name for name in parts if name in SPLITS]
    if not named and any(_holds_pictures(folder) for folder in folders):
        return ("",)
    # A single folder of another name is the top of an archive.
    return order_splits(parts) if named or len(parts) > 1 else ()


def load(root: Path, names: Sequence[str], classes: Sequence[str] = ()) -> tuple[Dataset, ...]:
    """Read splits; classes are the folders' names, sorted, over all splits.

    Pictures in folders below a class folder belong to the class.

    Raises:
        DataError: a folder cannot be listed, or a split has no picture.
    """
    known = tuple(classes) or _classes(root)
    return tuple(_load(root, name, known) for name in names)


def _folders(root: Path) -> list[Path]:
    return [path for path in visible(root) if path.is_dir()]


def _holds_pictures(folder: Path) -> bool:
    return any(is_picture(path) for path in visible(folder))


def _classes(root: Path) -> tuple[str, ...]:
    found = {f.name for name in splits(root) for f in _folders(root / name)}
    return tuple(sorted(found))


def _load(root: Path, split: str, classes: tuple[str, ...]) -> Dataset:
    samples: list[Sample] = []
    faults: list[Fault] = []
    for path in visible(root / split):
        if not path.is_dir():
            if is_picture(path):
                faults.append(Fault(relative(path, root), "unlabelled", "expected a class folder"))
            continue
        found = _class_samples(root, path, classes, faults)
        if path.name in classes and not found:
            faults.append(Fault(relative(path, root), "empty-class", "no picture in it"))
        samples += found
    return finish(root, split, classes, samples, faults)


def _class_samples(
    root: Path, folder: Path, classes: tuple[str, ...], faults: list[Fault]
) -> list[Sample]:
    found = []
    label = classes.index(folder.name) if folder.name in classes else None
    for path in _files(folder):
        name = relative(path, root)
        if not is_picture(path):
            faults.append(Fault(name, "not-a-picture", "expected JPEG, PNG or the like"))
        elif label is None:
            faults.append(unknown_class(name, folder.name, classes))
        else:
            found.append(Sample(name, FilePicture(path), label))
    return found


def _files(folder: Path) -> list[Path]:
    files = []
    for path in visible(folder):
        if path.is_dir():
            files += _files(path)
        elif path.name.lower() not in _LEFT_BEHIND:
            files.append(path)
    return files
