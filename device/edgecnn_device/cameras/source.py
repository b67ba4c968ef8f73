"""What every kind of source offers, and how it says that there is nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

Image = NDArray[np.uint8]
Fault = Literal["undecodable", "empty", "shape", "error"]
FAULTS: tuple[Fault, ...] = ("undecodable", "empty", "shape", "error")
"""Why a picture is of no use: damaged data, no pixels, not (H, W, 3) uint8, the reader failed."""
MOST_PIXELS = 8192 * 8192
"""A larger picture is a fault."""


class SourceError(DataError):
    """A source that cannot be opened, or gives no more; another attempt may do better."""


class SourceEnded(Exception):
    """A file or folder is over; the text says what was wrong with it, if anything."""


@dataclass(frozen=True)
class Wanted:
    """What a process that reads a source has to know; made from a `CameraConfig`."""

    source: str
    """With credentials, where there are any."""
    width: int | None = None
    height: int | None = None
    rate: float | None = None
    """Frames per second to ask for, or to play at."""
    loop: bool = False
    rotate: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    timeout_s: float = 5.0
    """After which a driver or a network that gives nothing should give up by itself."""
    first_s: float = 10.0
    """Added to that for the first picture of a stream; see `Link.first_s`."""


class Source(Protocol):
    """Gives pictures, one after the other; opened by its constructor."""

    @property
    def rate(self) -> float:
        """Frames per second at which a recording is to be played; 0: live, it gives what comes."""

    @property
    def lag_s(self) -> float:
        """Seconds that the last picture is older than its arrival, as far as can be told."""

    def read(self) -> Image | None:
        """Return the next picture, (H, W, 3) BGR; None for one that cannot be decoded.

        Raises:
            SourceError: it is gone.
            SourceEnded: it is over.
        """

    def close(self) -> None:
        """Let go of the device, the connection or the file."""


def fault_of(image: Image | None) -> Fault | None:
    """Return what makes a picture useless, if anything does."""
    if image is None:
        return "undecodable"
    if image.size == 0:
        return "empty"
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        return "shape"
    return "shape" if image.shape[0] * image.shape[1] > MOST_PIXELS else None
