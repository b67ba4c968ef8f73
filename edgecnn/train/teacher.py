"""The vectors of a teacher, kept in a file beside the pictures that it saw."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError
from edgecnn.vision.matching import unit


def load_teacher(path: Path, dataset: Dataset) -> NDArray[np.float32]:
    """Read what a teacher says of each picture.

    Args:
        path: an .npz of ``names`` (M,), files relative to the dataset, and ``vectors`` (M, D).
        dataset: whose pictures.

    Returns:
        (N, D) unit vectors, in the order of the dataset.

    Raises:
        DataError: no such file, or it lacks a picture of the dataset.
    """
    try:
        # From memory: of a torn file numpy would leave the handle open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            names, vectors = file["names"], np.asarray(file["vectors"], np.float32)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: expected an .npz of a teacher's names and vectors: {error}"
        ) from error
    if vectors.ndim != 2 or len(vectors) != len(names) or not np.isfinite(vectors).all():
        raise DataError(
            f"{path}: expected finite vectors (M, D) for {len(names)} names, got {vectors.shape}"
        )
    rows = {str(name): row for row, name in enumerate(names)}
    missing = [s.name for s in dataset.samples if s.name not in rows]
    if missing:
        raise DataError(
            f"{path}: no vector for {len(missing)} of {len(dataset.samples)} pictures of "
            f"{dataset.name}, the first {missing[0]}: ask the teacher again"
        )
    found = vectors[[rows[s.name] for s in dataset.samples]]
    return unit(found)
