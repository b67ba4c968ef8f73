"""Opens a dataset whatever its kind: ``PATH[:split]``.

PATH is a folder, an archive of one, a folder with one archive in it, a COCO json, or a yaml (see
`edgecnn.data.describe`; a folder may have its own as ``dataset.yaml``). What is not there as given
is looked for under ``$EDGECNN_DATA``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgecnn.data.archive import is_archive, unpack
from edgecnn.data.crops import cut_windows
from edgecnn.data.describe import DatasetFile, load_dataset_file
from edgecnn.data.readers import coco, folder, idx, table, voc
from edgecnn.data.readers.common import exists, visible
from edgecnn.data.samples import Dataset
from edgecnn.data.split import divide
from edgecnn.errors import DataError

DESCRIPTION = "dataset.yaml"
_DEPTH = 4
"""How far below PATH a set may lie."""


@dataclass(frozen=True)
class _Kind:
    name: str
    splits: Callable[[Path], tuple[str, ...]]
    load: Callable[[Path, Sequence[str], Sequence[str]], tuple[Dataset, ...]]


# A folder of class folders is what is left when nothing more definite is there.
_KINDS = (
    _Kind("idx", idx.splits, idx.load),
    _Kind("voc", voc.splits, voc.load),
    _Kind("coco", coco.splits, coco.load),
    _Kind("csv", table.splits, table.load),
    _Kind("folder", folder.splits, folder.load),
)


@dataclass(frozen=True)
class _Source:
    """A set that was found and not read yet."""

    name: str
    root: Path
    kind: _Kind
    splits: tuple[str, ...]
    """Those on disk, or the one of them that a description names."""
    description: DatasetFile

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the splits, as a user may ask for them."""
        return tuple(self.description.split or self.splits)

    def load(self, names: Sequence[str]) -> tuple[Dataset, ...]:
        crops = self.description.crops
        whole = self._load(names)
        return whole if crops is None else tuple(cut_windows(d, crops) for d in whole)

    def _load(self, names: Sequence[str]) -> tuple[Dataset, ...]:
        shares, classes = self.description.split, self.description.classes
        on_disk = self.splits if shares else names
        found = [
            replace(dataset, name=f"{self.name}:{name}" if name else self.name)
            for name, dataset in zip(
                on_disk, self.kind.load(self.root, on_disk, classes), strict=True
            )
        ]
        if not shares:
            return tuple(found)
        whole = replace(found[0], name=self.name)
        divided = divide(whole, shares, self.description.seed)
        by_name = dict(zip(shares, divided, strict=True))
        return tuple(by_name[name] for name in names)


def open_dataset(spec: str | Path) -> Dataset:
    """Open one split, or a set that is undivided.

    Args:
        spec: ``PATH[:split]``.

    Raises:
        DataError: nothing there, of no known kind, damaged, or divided and no split named.
    """
    source, split = _find(str(spec))
    return source.load((split or _only(source.name, source.parts),))[0]


def open_splits(spec: str | Path) -> tuple[Dataset, ...]:
    """Open every split of a set, or the one that is named.

    VOC's ``trainval`` is left out where both ``train`` and ``val`` are there.

    Args:
        spec: ``PATH[:split]``.

    Raises:
        DataError: nothing there, of no known kind, or damaged.
    """
    source, split = _find(str(spec))
    parts = source.parts
    if {"train", "val"} <= {*parts}:
        parts = tuple(name for name in parts if name != "trainval")
    return source.load((split,) if split else parts)


def _only(name: str, splits: Sequence[str]) -> str:
    """Return the split of a set that has one."""
    if len(splits) > 1:
        known = ", ".join(splits)
        raise DataError(f"{name} has the splits {known}: name one, as in {name}:{splits[0]}")
    return splits[0]


def _find(spec: str, beside: Path | None = None, kind: str | None = None) -> tuple[_Source, str]:
    path, split = _locate(spec, beside)
    # A yaml is followed once: what it names is the set itself.
    if path.is_dir() and exists(path / DESCRIPTION) and beside is None:
        path = path / DESCRIPTION
    if path.suffix.lower() in {".yaml", ".yml"}:
        source = _described(path, beside)
    else:
        source = _on_disk(path, kind)
    if split:
        source = replace(source, name=spec.removesuffix(f":{split}"))
        if split not in source.parts:
            known = ", ".join(name for name in source.parts if name) or "none"
            raise DataError(f"{source.name}: no split {split!r}: expected one of: {known}")
        return source, split
    return replace(source, name=spec), ""


def _locate(spec: str, beside: Path | None) -> tuple[Path, str]:
    """Return the path and the split that a spec names; a file with a colon in its name wins."""
    data = os.environ.get("EDGECNN_DATA")
    places = [beside or Path(), *([Path(data)] if data else [])]
    head, colon, tail = spec.rpartition(":")
    for name, split in ((spec, ""), *([(head, tail)] if colon and head and tail else [])):
        for place in places:
            if exists(place / name):
                return place / name, split
    looked = ", ".join(str(place.absolute()) for place in places)
    hint = "" if data else "; EDGECNN_DATA, the folder of data, is not set"
    raise DataError(f"{spec}: no such dataset in {looked}{hint}: expected PATH or PATH:split")


def _described(path: Path, beside: Path | None) -> _Source:
    if beside is not None:
        raise DataError(f"{path}: a description cannot name another: expected a folder or archive")
    description = load_dataset_file(path)
    source, split = _find(description.path, path.parent, description.kind)
    if description.split:
        split = split or _only(f"{path}: path: {description.path}", source.splits)
    splits = source.splits if not split else (split,)
    return replace(source, splits=splits, description=description)


def _on_disk(path: Path, kind: str | None) -> _Source:
    """Find the set in a folder, an archive, or below a folder that holds nothing else."""
    kinds = [k for k in _KINDS if kind in (None, k.name)]
    given = top = path
    for _ in range(_DEPTH):
        if is_archive(path):
            top = path = unpack(path)
        for candidate in kinds:
            splits = candidate.splits(path) if path.is_dir() or candidate.name == "coco" else ()
            if splits:
                return _Source(path.name, path, candidate, splits, DatasetFile())
        inside = visible(path) if path.is_dir() else []
        below = [p for p in inside if p.is_dir()] or [p for p in inside if is_archive(p)]
        if len(below) != 1:
            break
        path = below[0]
    held = ", ".join(p.name for p in visible(top)[:8]) if top.is_dir() else "a file"
    known = "class folders, labels.csv, VOC's Annotations, a COCO json or idx files"
    expected = f"a set of kind {kind}" if kind else known
    raise DataError(f"{given}: expected {expected}; got {held or 'nothing'}")
