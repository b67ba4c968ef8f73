"""PASCAL VOC: Annotations/*.xml, JPEGImages, and where wanted ImageSets/Main/SPLIT.txt.

Everingham et al., "The PASCAL Visual Object Classes Challenge", development kit. Its coordinates
count pixels from 1 and include the far ones, so a box becomes (xmin - 1, ymin - 1, xmax, ymax): a
box up to the far edge of the picture stays inside it. Tools that count from 0 write 0 at the near
edge; it is kept as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from edgecnn.data.readers.common import (
    FilePicture,
    box_array,
    exists,
    finish,
    order_splits,
    relative,
    unknown_class,
    visible,
)
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

_LABELS, _PICTURES, _SPLITS = "Annotations", "JPEGImages", Path("ImageSets", "Main")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class _Object:
    name: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Annotation:
    file: str
    """The xml, relative to the set."""
    picture: Path
    size: tuple[int, int] | None
    objects: tuple[_Object, ...]
    faults: tuple[Fault, ...]


def splits(root: Path) -> tuple[str, ...]:
    """Return the splits; ("",) where the set is undivided, () where it is none of this kind.

    Lists of one class, such as ``cat_train.txt``, are not splits.
    """
    if not any((root / _LABELS).glob("*.xml")):
        return ()
    stems = {path.stem for path in (root / _SPLITS).glob("*.txt")}
    whole = {s for s in stems if not any(s.endswith(f"_{other}") for other in stems)}
    return order_splits(whole) or ("",)


def load(root: Path, names: Sequence[str], classes: Sequence[str] = ()) -> tuple[Dataset, ...]:
    """Read splits; classes are the names of the objects, sorted, over all annotations.

    Objects marked difficult or truncated are read like the others.

    Raises:
        DataError: no folder of pictures, a list of a split that cannot be read, or an empty split.
    """
    if not (root / _PICTURES).is_dir():
        raise DataError(f"{root}: expected a folder {_PICTURES} beside {_LABELS}")
    files = sorted((root / _LABELS).glob("*.xml"))
    pictures = {path.stem: path for path in visible(root / _PICTURES)}
    annotations = {path.stem: _annotation(root, path, pictures) for path in files}
    found = {o.name for a in annotations.values() if isinstance(a, _Annotation) for o in a.objects}
    known = tuple(classes) or tuple(sorted(found))
    return tuple(_load(root, name, annotations, known) for name in names)


def _load(
    root: Path, split: str, annotations: dict[str, _Annotation | Fault], classes: tuple[str, ...]
) -> Dataset:
    samples: list[Sample] = []
    faults: list[Fault] = []
    for stem in _listed(root, split) if split else annotations:
        found = annotations.get(stem)
        if found is None:
            file = f"{_LABELS}/{stem}.xml"
            faults.append(Fault(file, "unlabelled", f"no such file, but {split}.txt lists it"))
        elif isinstance(found, Fault):
            faults.append(found)
        else:
            samples.append(_sample(root, found, classes, faults))
    if not split:
        faults += _without_annotation(root, annotations)
    return finish(root, split, classes, samples, faults)


def _listed(root: Path, split: str) -> list[str]:
    path = root / _SPLITS / f"{split}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a list of annotations: {error}") from error
    return [line.split()[0] for line in lines if line.strip()]


def _without_annotation(root: Path, annotations: dict[str, _Annotation | Fault]) -> list[Fault]:
    named = {a.picture for a in annotations.values() if isinstance(a, _Annotation)}
    return [
        Fault(relative(path, root), "unlabelled", f"expected {_LABELS}/{path.stem}.xml")
        for path in visible(root / _PICTURES)
        if path not in named and path.stem not in annotations
    ]


def _annotation(root: Path, path: Path, pictures: dict[str, Path]) -> _Annotation | Fault:
    file = relative(path, root)
    try:
        tree = ElementTree.parse(path).getroot()
        size = _size(tree)
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as error:
        return Fault(file, "bad-label", f"expected a VOC annotation: {error}")
    objects, faults = [], []
    for number, element in enumerate(tree.findall("object"), 1):
        try:
            objects.append(_object(element))
        except ValueError as error:
            faults.append(Fault(file, "bad-label", f"object {number}: {error}"))
    name = (tree.findtext("filename") or "").strip() or f"{path.stem}.jpg"
    named = root / _PICTURES / name
    # Many sets name the picture wrongly, or as it was called once.
    picture = named if exists(named) else pictures.get(path.stem, named)
    return _Annotation(file, picture, size, tuple(objects), tuple(faults))


def _size(tree: ElementTree.Element) -> tuple[int, int] | None:
    width, height = tree.findtext("size/width"), tree.findtext("size/height")
    if width is None or height is None:
        return None
    try:
        return int(float(width)), int(float(height))
    except (ValueError, OverflowError):
        raise ValueError(f"size: expected two numbers, got {width!r}, {height!r}") from None


def _object(element: ElementTree.Element) -> _Object:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise ValueError("no name: expected the class")
    values = []
    for corner in _CORNERS:
        text = element.findtext(f"bndbox/{corner}")
        if text is None:
            raise ValueError(f"no bndbox/{corner}: expected {', '.join(_CORNERS)}")
        try:
            values.append(float(text))
        except ValueError:
            raise ValueError(f"bndbox/{corner}: expected a number, got {text!r}") from None
    x1, y1, x2, y2 = values
    return _Object(name, (x1 - 1 if x1 >= 1 else x1, y1 - 1 if y1 >= 1 else y1, x2, y2))


def _sample(
    root: Path, annotation: _Annotation, classes: tuple[str, ...], faults: list[Fault]
) -> Sample:
    faults += annotation.faults
    known = [o for o in annotation.objects if o.name in classes]
    for other in annotation.objects:
        if other.name not in classes:
            faults.append(unknown_class(annotation.file, other.name, classes))
    return Sample(
        relative(annotation.picture, root),
        FilePicture(annotation.picture),
        boxes=box_array([o.box for o in known]),
        box_labels=np.array([classes.index(o.name) for o in known], np.int64),
        size=annotation.size,
    )
