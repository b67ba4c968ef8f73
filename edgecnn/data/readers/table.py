"""labels.csv: columns file and label, and where wanted split, group and x1, y1, x2, y2.

With box columns a row is a box in pixels, far edges exclusive, and rows with the same file are
one picture; a row without a box labels the picture as a whole, or with an empty label says that
there is nothing in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecnn.data.readers.common import (
    FilePicture,
    box_array,
    exists,
    finish,
    order_splits,
    unknown_class,
)
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

LABELS = "labels.csv"
_BOX = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class _Row:
    place: str
    """The file of labels and the line."""
    file: str
    label: str
    split: str
    group: str
    box: tuple[float, float, float, float] | None


def splits(root: Path) -> tuple[str, ...]:
    """Return the splits; ("",) where the set is undivided, () where it is none of this kind."""
    if not exists(root / LABELS):
        return ()
    rows, _ = _read(root / LABELS)
    return order_splits({row.split for row in rows}) or ("",)


def load(root: Path, names: Sequence[str], classes: Sequence[str] = ()) -> tuple[Dataset, ...]:
    """Read splits; classes are the labels, sorted, over all splits.

    Raises:
        DataError: labels.csv cannot be read, lacks a column, or leaves a split empty.
    """
    rows, faults = _read(root / LABELS)
    known = tuple(classes) or tuple(sorted({row.label for row in rows if row.label}))
    datasets = []
    for index, name in enumerate(names):
        # A row that cannot be read has no split; it is reported once.
        found = list(faults) if index == 0 else []
        samples = _samples(root, [row for row in rows if row.split == name], known, found)
        datasets.append(finish(root, name, known, samples, found))
    return tuple(datasets)


def _read(path: Path) -> tuple[list[_Row], list[Fault]]:
    rows: list[_Row] = []
    faults: list[Fault] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            _check_columns(path, columns)
            for fields in reader:
                place = f"{path.name}:{reader.line_num}"
                try:
                    rows.append(_row(place, columns, fields))
                except DataError as error:
                    faults.append(Fault(place, "bad-label", str(error)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of labels: {error}") from error
    return rows, faults


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    has_part_of_box = 0 < len({*_BOX} & {*columns}) < len(_BOX)
    if not {"file", "label"} <= {*columns} or has_part_of_box:
        raise DataError(
            f"{path}: expected the columns file,label and, for boxes, {','.join(_BOX)}; "
            f"got {','.join(columns) or 'none'}"
        )


def _row(place: str, columns: Sequence[str], fields: dict[str, str]) -> _Row:
    for column in columns:
        if fields[column] is None:
            raise DataError(f"cut short: no {column}: expected {','.join(columns)}")
    if None in fields or any("\0" in value for value in fields.values()):
        raise DataError(f"expected {len(columns)} fields: {','.join(columns)}; got others")
    if not fields["file"]:
        raise DataError("no file: expected the name of a picture")
    box = _box([fields.get(column, "") for column in _BOX])
    if box is not None and not fields["label"]:
        raise DataError("a box without a label: expected the class of what is in it")
    if box is None and not fields["label"] and "x1" not in columns:
        raise DataError("no label: expected the class of the picture")
    split, group = fields.get("split", ""), fields.get("group", "")
    return _Row(place, fields["file"], fields["label"], split, group, box)


def _box(values: Sequence[str]) -> tuple[float, float, float, float] | None:
    if not any(value.strip() for value in values):
        return None
    try:
        x1, y1, x2, y2 = map(float, values)
    except ValueError:
        got = ",".join(values)
        raise DataError(f"expected four numbers {','.join(_BOX)}, got {got}") from None
    return x1, y1, x2, y2


def _samples(
    root: Path, rows: Iterable[_Row], classes: Sequence[str], faults: list[Fault]
) -> list[Sample]:
    ids = {name: index for index, name in enumerate(classes)}
    pictures: dict[str, list[_Row]] = {}
    for row in rows:
        if row.label and row.label not in ids:
            faults.append(unknown_class(f"{row.place}: {row.file}", row.label, classes))
            continue
        # Without boxes each row stands alone: a file named twice is for the check to find.
        key = row.file if row.box is not None or not row.label else row.place
        pictures.setdefault(key, []).append(row)
    return [_sample(root, of_picture, ids) for of_picture in pictures.values()]


def _sample(root: Path, rows: Sequence[_Row], ids: dict[str, int]) -> Sample:
    first = rows[0]
    boxed = [row for row in rows if row.box is not None]
    return Sample(
        first.file,
        FilePicture(root / first.file),
        None if boxed or not first.label else ids[first.label],
        box_array([row.box for row in rows if row.box is not None]),
        np.array([ids[row.label] for row in boxed], np.int64),
        group=first.group,
    )
