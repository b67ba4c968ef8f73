"""Reads labelled pictures of serial-number lines: generated ones, and real notes with outlines.

Two kinds of labels.csv are told apart by their columns:

* ``file,text,currency`` (and ``group``): a picture per line, as ``edgecnn data synth`` writes;
* ``file,currency,serial,quads``: whole notes; each quad is cut out and straightened.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import read_image
from edgecnn.data.samples import LineSample
from edgecnn.errors import DataError

LABELS = "labels.csv"
_LINE_COLUMNS = {"file", "text", "currency"}
_NOTE_COLUMNS = {"file", "currency", "serial", "quads"}


def load_lines(folder: Path) -> list[LineSample]:
    """Read every labelled line of a folder, in the order of its labels.csv.

    Raises:
        DataError: no labels, unknown columns, an unreadable picture or quad; names file and line.
    """
    path = folder / LABELS
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a dataset of serial lines: {error}") from error
    if columns >= _LINE_COLUMNS:
        samples = [_line(folder, row, number) for number, row in enumerate(rows, 2)]
    elif columns >= _NOTE_COLUMNS:
        samples = [s for number, row in enumerate(rows, 2) for s in _note(folder, row, number)]
    else:
        raise DataError(
            f"{path}: expected the columns {', '.join(sorted(_LINE_COLUMNS))} or "
            f"{', '.join(sorted(_NOTE_COLUMNS))}, got {', '.join(sorted(columns)) or 'none'}"
        )
    if not samples:
        raise DataError(f"{path}: no labelled line in it: expected at least one")
    return samples


def _checked(folder: Path, row: dict[str, str], number: int, columns: set[str]) -> str:
    """Return the place of a row for messages; refuse a row that is cut short."""
    place = f"{folder / LABELS}:{number}"
    for column in sorted(columns):
        if row[column] is None or "\0" in row[column]:
            raise DataError(f"{place}: no usable {column}: expected {', '.join(sorted(columns))}")
    return place


def _picture(path: Path, place: str) -> NDArray[np.uint8]:
    try:
        return read_image(path)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error


def _line(folder: Path, row: dict[str, str], number: int) -> LineSample:
    place = _checked(folder, row, number, _LINE_COLUMNS)
    image = _picture(folder / row["file"], place)
    currency, group = row["currency"] or None, row.get("group") or ""
    return LineSample(row["file"], image, row["text"], currency, group)


def _note(folder: Path, row: dict[str, str], number: int) -> list[LineSample]:
    place = _checked(folder, row, number, _NOTE_COLUMNS)
    if not row["serial"]:
        return []
    try:
        quads = [np.array(q, np.float32).reshape(4, 2) for q in json.loads(row["quads"] or "[]")]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"{place}: quads: expected a list of eight numbers each: {error}"
        ) from error
    if not quads:
        return []
    image = _picture(folder / row["file"], place)
    reach = 2 * max(image.shape)
    if not all(np.isfinite(quad).all() and np.abs(quad).max() <= reach for quad in quads):
        raise DataError(f"{place}: quads: a corner is far outside the picture, {image.shape}")
    return [
        LineSample(f"{row['file']}#{index}", straighten(image, quad), row["serial"],
                   row["currency"], row["serial"])
        for index, quad in enumerate(quads)
    ]  # fmt: skip


def straighten(image: NDArray[np.uint8], quad: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut a quadrilateral out of a picture and make it an upright rectangle.

    Args:
        image: (H, W, 3) BGR.
        quad: (4, 2) corners x, y in pixels, clockwise from the line's own top left.

    Returns:
        (h, w, 3); w and h are the longer of each pair of opposite edges.
    """
    edges = [math.dist(quad[i], quad[(i + 1) % 4]) for i in range(4)]
    width = max(2, round(max(edges[0], edges[2])))
    height = max(2, round(max(edges[1], edges[3])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height),
                                          borderMode=cv2.BORDER_REPLICATE), np.uint8)  # fmt: skip
