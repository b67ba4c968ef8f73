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
        DataError: no such file, no picture in it, or only a part of one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name with a NUL in it
        raise DataError(f"{path}: not a usable name: {error}") from error
    return decode_image(raw, str(path))


def decode_image(raw: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the content of a picture file as (H, W, 3) BGR, upright likewise.

    Args:
        raw: JPEG, PNG or the like.
        name: for messages.

    Raises:
        DataError: no picture, or only a part of one.
    """
    data = np.frombuffer(raw, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise DataError(f"{name}: not a picture, or damaged: expected JPEG, PNG or the like")
    if _is_cut_short(raw):
        raise DataError(f"{name}: cut short: the end of the picture is missing")
    return np.asarray(image, np.uint8)


def _is_cut_short(data: bytes) -> bool:
    """Tell whether a JPEG lacks its end: OpenCV 4 fills the rest with grey in silence."""
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2
    while data[at : at + 1] == b"\xff" and data[at : at + 2] != b"\xff\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    # Inside the coded picture a byte 0xFF is followed by 0, so this marker is the end.
    return data.find(b"\xff\xd9", at) < 0


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
