"""COCO: a json with images, annotations and categories.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, arXiv:1405.0312, and its data
format for detection and keypoints. The json is ``annotations/instances_SPLIT.json`` (or
``person_keypoints_SPLIT.json``), ``SPLIT/_annotations.coco.json``, or given itself. A box is
x, y, width, height from the picture's top left corner, in pixels. Where every object of a split has
a ``segmentation`` of one polygon with four corners, those become its quad.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

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

_PREFIXES = ("instances_", "person_keypoints_")
_BESIDE = "_annotations.coco.json"


class _Image(BaseModel):
    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class _Category(BaseModel):
    id: int
    name: str
    keypoints: tuple[str, ...] = ()


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    keypoints: list[float] = []
    iscrowd: int = 0
    segmentation: Any = None
    """Polygons as lists of x, y; or masks, which are not read."""

    @property
    def corners(self) -> list[float] | None:
        """The eight numbers of a quad."""
        found = self.segmentation
        only = found[0] if isinstance(found, list) and len(found) == 1 else None
        if not isinstance(only, list) or len(only) != 8:
            return None
        return only if all(isinstance(v, int | float) for v in only) else None


Record = TypeVar("Record", bound=BaseModel)


def splits(root: Path) -> tuple[str, ...]:
    """Return the splits; ("",) where the set is undivided, () where it is none of this kind."""
    return order_splits(name for name, _ in _files(root))


def load(root: Path, names: Sequence[str], classes: Sequence[str] = ()) -> tuple[Dataset, ...]:
    """Read splits; classes are the categories in the order of their ids.

    Regions marked ``iscrowd`` are no single objects and are left out. Keypoints become points of
    their boxes where the categories agree on names, and landmarks where the picture has one
    instance; those of flag 1, labelled though something hides them, count as visible. Their names
    are those of the only category that has any.

    Raises:
        DataError: no json, a key missing in it, categories that differ between splits, or a split
            without pictures.
    """
    files = dict(_files(root))
    datasets: list[Dataset] = []
    for name in names:
        dataset = _load(root, name, files[name], tuple(classes))
        if datasets and dataset.classes != datasets[0].classes:
            raise DataError(
                f"{files[name]}: categories: expected {', '.join(datasets[0].classes)}, as in "
                f"{names[0]}; got {', '.join(dataset.classes)}"
            )
        datasets.append(dataset)
    return tuple(datasets)


def _files(root: Path) -> list[tuple[str, Path]]:
    """Return each split with its json."""
    if not root.is_dir():
        return [("", root)] if root.suffix == ".json" else []
    found = sorted([*root.glob("*.json"), *root.glob("annotations/*.json")])
    for prefix in _PREFIXES:
        named = [(p.stem[len(prefix) :], p) for p in found if p.stem.startswith(prefix)]
        if named:
            return named
    beside = [(p.name, p / _BESIDE) for p in visible(root) if exists(p / _BESIDE)]
    if beside:
        return beside
    other = [path for path in found if path.name == _BESIDE or _is_coco(path)]
    return [("", other[0])] if len(other) == 1 else [(path.stem, path) for path in other]


def _is_coco(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= content.keys()


def _load(root: Path, split: str, path: Path, classes: tuple[str, ...]) -> Dataset:
    home = root if root.is_dir() else root.parent
    file = relative(path, home)
    content, faults = _content(path), list[Fault]()
    categories = _records(_Category, path, content, faults, file)
    images = _records(_Image, path, content, faults, file)
    names = {c.id: c.name for c in sorted(categories, key=lambda c: c.id)}
    known = classes or tuple(dict.fromkeys(names.values()))
    ids = {i: known.index(name) if name in known else -1 for i, name in names.items()}
    instances: dict[int, list[_Annotation]] = {image.id: [] for image in images}
    for found in _records(_Annotation, path, content, faults, file):
        if found.image_id not in instances:
            detail = f"annotation of image_id {found.image_id}: no such id in images"
            faults.append(Fault(file, "bad-label", detail))
        elif ids.get(found.category_id, -1) < 0:
            label = names.get(found.category_id, f"category_id {found.category_id}")
            faults.append(unknown_class(f"{file}, image_id {found.image_id}", label, known))
        elif not found.iscrowd:
            instances[found.image_id].append(found)
    folder = _picture_folder(home, path, split, images)
    every = [o for found_here in instances.values() for o in found_here]
    oriented = bool(every) and all(o.corners is not None for o in every)
    named = {c.keypoints for c in categories if c.keypoints}
    points = named.pop() if len(named) == 1 else ()
    samples = [
        _sample(home, folder, image, instances[image.id], ids, oriented, len(points))
        for image in images
    ]
    return replace(finish(home, split, known, samples, faults), points=points)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a COCO json: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a COCO json, an object; got {type(content).__name__}")
    return content


def _records(
    model: type[Record], path: Path, content: dict[str, Any], faults: list[Fault], file: str
) -> list[Record]:
    key = {_Image: "images", _Category: "categories", _Annotation: "annotations"}[model]
    values = content.get(key)
    if not isinstance(values, list):
        got = "nothing" if values is None else type(values).__name__
        raise DataError(f"{path}: {key}: expected a list, got {got}")
    records = []
    for index, value in enumerate(values):
        try:
            records.append(model.model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, (f"{key}[{index}]", *first["loc"])))
            faults.append(Fault(file, "bad-label", f"{place}: {first['msg']}"))
    return records


def _picture_folder(home: Path, path: Path, split: str, images: Sequence[_Image]) -> Path:
    """Return the first of the usual folders that has the first picture, else the json's own."""
    usual = (path.parent, home / split, home / "images" / split, home / "images", home)
    names = [image.file_name for image in images[:1]]
    return next((f for f in usual if any(exists(f / name) for name in names)), path.parent)


def _sample(
    home: Path, folder: Path, image: _Image, found: Sequence[_Annotation], ids: dict[int, int],
    oriented: bool, points: int,
) -> Sample:  # fmt: skip
    picture = folder / image.file_name
    corners = [(x, y, x + width, y + height) for x, y, width, height in (o.bbox for o in found)]
    sized = image.width is not None and image.height is not None
    return Sample(
        relative(picture, home),
        FilePicture(picture),
        boxes=box_array(corners),
        box_labels=np.array([ids[o.category_id] for o in found], np.int64),
        quads=_quads(found) if oriented else None,
        landmarks=_landmarks(found[0]) if len(found) == 1 else np.zeros((0, 3), np.float32),
        box_points=_box_points(found, points) if points else None,
        size=(image.width or 0, image.height or 0) if sized else None,
    )


def _quads(found: Sequence[_Annotation]) -> NDArray[np.float32]:
    """Return (N, 4, 2) corners, clockwise from the first that is written."""
    with np.errstate(over="ignore"):
        quads = np.array([o.corners for o in found], np.float64).reshape(-1, 4, 2)
        first, other = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
        backwards = first[:, 0] * other[:, 1] < first[:, 1] * other[:, 0]
        quads[backwards] = quads[backwards][:, [0, 3, 2, 1]]
        return quads.astype(np.float32)


def _box_points(found: Sequence[_Annotation], count: int) -> NDArray[np.float32]:
    """Return (N, count, 3); those of an object that has another number of them are not visible."""
    every = np.zeros((len(found), count, 3), np.float32)
    for row, marks in zip(every, map(_landmarks, found), strict=True):
        if len(marks) == count and np.isfinite(marks).all():
            row[:] = marks
    return every


def _landmarks(found: _Annotation) -> NDArray[np.float32]:
    points = found.keypoints
    with np.errstate(over="ignore"):
        array = np.array(points[: len(points) // 3 * 3]).reshape(-1, 3).astype(np.float32)
    array[:, 2] = array[:, 2] > 0
    return array
