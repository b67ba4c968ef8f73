"""Reads pictures from files, upright."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as (H, W, 3) BGR, turned upright by its EXIF orientation.

    Raises:
        DataError: no such file, or no picture in it.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise DataError(f"{path}: not a picture, or damaged: expected JPEG, PNG or the like")
    return np.asarray(image, np.uint8)


def list_images(folder: Path) -> list[Path]:
    """Return the pictures of a folder (not of its subfolders), by name.

    Raises:
        DataError: there are none.
    """
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    if not found:
        raise DataError(f"{folder}: no picture in it: expected {', '.join(sorted(SUFFIXES))} files")
    return found
