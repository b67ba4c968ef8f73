"""IDX, the format of MNIST: pairs of images and labels, plain or gzipped.

LeCun, Cortes, Burges, "The MNIST database of handwritten digits": two zero bytes, the type (8 is
unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit number, the data.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.readers.common import ArrayPicture, finish, order_splits, unknown_class, visible
from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.errors import DataError

_NAME = re.compile(r"(?P<part>.*?)[-.](?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?")
_TEST = "t10k"
"""What MNIST calls its test split."""


def splits(root: Path) -> tuple[str, ...]:
    """Return the splits, t10k as test; () where the set is none of this kind."""
    return order_splits(_files(root, "images"))


def load(root: Path, names: Sequence[str], classes: Sequence[str] = ()) -> tuple[Dataset, ...]:
    """Read splits; classes are named 0, 1, ... up to the largest label over all splits.

    Args:
        root: the folder of the files.
        names: splits.
        classes: names of the labels 0, 1, ...

    Raises:
        DataError: a file is missing, cut short or of another format.
    """
    labels = {name: _read(path, 1) for name, path in _files(root, "labels").items()}
    count = 1 + max((int(array.max(initial=0)) for array in labels.values()), default=0)
    known = tuple(classes) or tuple(str(number) for number in range(count))
    images = _files(root, "images")
    missing = [name for name in names if name not in labels]
    if missing:
        expected = images[missing[0]].name.replace("images", "labels").replace("idx3", "idx1")
        raise DataError(f"{root}: expected {expected} beside {images[missing[0]].name}")
    return tuple(_load(root, name, images[name], labels[name], known) for name in names)


def _files(root: Path, what: str) -> dict[str, Path]:
    found = {}
    for path in visible(root) if root.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match and match["what"] == what:
            found["test" if match["part"] == _TEST else match["part"]] = path
    return found


def _load(
    root: Path, split: str, path: Path, labels: NDArray[np.uint8], classes: tuple[str, ...]
) -> Dataset:
    images = _read(path, 3)
    if len(images) != len(labels):
        raise DataError(
            f"{path}: expected {len(labels)} pictures, one per label; got {len(images)}"
        )
    samples, faults = [], list[Fault]()
    for index, label in enumerate(labels.tolist()):
        name = f"{path.name}#{index}"
        if label < len(classes):
            samples.append(Sample(name, ArrayPicture(images[index]), label))
        else:
            faults.append(unknown_class(name, str(label), classes))
    return finish(root, split, classes, samples, faults)


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    head = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(head)
            if start[:4] != bytes((0, 0, 8, dimensions)) or len(start) < head:
                raise DataError(
                    f"{path}: expected idx{dimensions} of unsigned bytes, which starts with "
                    f"0000080{dimensions}; got {start[:4].hex() or 'nothing'}"
                )
            shape = np.frombuffer(start, ">u4", dimensions, 4).tolist()
            data = file.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error, MemoryError, OverflowError) as error:
        raise DataError(f"{path}: damaged or cut short: {error}") from error
    if len(data) != math.prod(shape):
        stated, got = " x ".join(map(str, shape)), len(data)
        raise DataError(
            f"{path}: expected {stated} bytes; got {got if got < math.prod(shape) else 'more'}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
