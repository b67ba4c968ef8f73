"""Where pictures come from: picture files, directories of them, and video files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import list_images, read_image
from edgecnn.errors import DataError
from edgecnn_device.videos import SUFFIXES as VIDEOS
from edgecnn_device.videos import read_video


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source, or the reason why there is none."""

    source: str
    """The file."""
    index: int
    """0 for a picture; counts the frames of a video."""
    image: NDArray[np.uint8] | None
    """(H, W, 3) BGR, upright."""
    error: str = ""
    rate: float = 0.0
    """Frames per second of a video; 0 for a picture."""


def open_source(source: str) -> Iterator[Frame]:
    """Yield the pictures of a file, a directory or a video; an unreadable one comes with its error.

    Of a damaged video come the frames that can be read, and then the error.

    Raises:
        DataError: there is no such source, or no picture in it.
    """
    path = Path(source)
    if path.is_dir():
        files = list_images(path)
    elif path.exists():
        files = [path]
    else:
        raise DataError(
            f"{source}: no such file or directory: expected a picture, a video or a folder of "
            "pictures"
        )
    if path.suffix.lower() in VIDEOS and path.is_file():
        yield from _frames(source, path)
        return
    for file in files:
        try:
            yield Frame(str(file), 0, read_image(file))
        except DataError as error:
            yield Frame(str(file), 0, None, str(error))


def _frames(source: str, path: Path) -> Iterator[Frame]:
    index = 0
    try:
        for image, rate in read_video(path):
            yield Frame(source, index, image, rate=rate)
            index += 1
    except DataError as error:
        yield Frame(source, index, None, str(error))
