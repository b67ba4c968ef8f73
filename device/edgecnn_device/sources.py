"""Where pictures come from: files and directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import list_images, read_image
from edgecnn.errors import DataError


@dataclass(frozen=True)
class Frame:
    """One picture of a source, or the reason why there is none."""

    source: str
    """The file."""
    index: int
    """0 for a picture; counts the frames of a video."""
    image: NDArray[np.uint8] | None
    """(H, W, 3) BGR, upright."""
    error: str = ""


def open_source(source: str) -> Iterator[Frame]:
    """Yield the pictures of a file or a directory; an unreadable one comes with its error.

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
            f"{source}: no such file or directory: expected a picture or a folder of them"
        )
    for file in files:
        try:
            yield Frame(str(file), 0, read_image(file))
        except DataError as error:
            yield Frame(str(file), 0, None, str(error))
