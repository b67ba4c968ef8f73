"""The source of an address."""

from __future__ import annotations

import cv2
import numpy as np

from edgecnn_device.cameras.address import Address, parse_address
from edgecnn_device.cameras.source import Image, Source, Wanted

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_SYNTHETIC_RATE = 15.0
_SYNTHETIC_WIDTH = 1280


def open_wanted(wanted: Wanted) -> Source:
    """Open a source of any kind, in this process; it may hang in a driver or a network.

    Raises:
        InputError: no address of a source.
        SourceError: it cannot be opened now.
    """
    source = _open(parse_address(wanted.source), wanted)
    return Turned(source, wanted.rotate) if wanted.rotate else source


def _open(address: Address, wanted: Wanted) -> Source:
    # Imported here: a process reads one source, and some kinds take much memory.
    match address.kind:
        case "usb":
            from edgecnn_device.cameras.usb import open_usb

            return open_usb(address.target, wanted)
        case "csi":
            from edgecnn_device.cameras.csi import open_csi

            return open_csi(int(address.target), wanted)
        case "rtsp":
            from edgecnn_device.cameras.rtsp import open_rtsp

            return open_rtsp(address.target, wanted.timeout_s, wanted.first_s)
        case "video" | "pictures":
            from edgecnn_device.cameras.files import Pictures, Video

            kind = Video if address.kind == "video" else Pictures
            return kind(address.target, wanted.rate, wanted.loop)
        case "notes" | "heads":
            return _open_synthetic(address, wanted)


def _open_synthetic(address: Address, wanted: Wanted) -> Source:
    from edgecnn_device.cameras.synthetic_heads import SyntheticHeads
    from edgecnn_device.cameras.synthetic_notes import SyntheticNotes

    width = wanted.width or _SYNTHETIC_WIDTH
    size = width, wanted.height or round(width * 9 / 16)
    kind = SyntheticNotes if address.kind == "notes" else SyntheticHeads
    return kind(size, address.seed, wanted.rate or _SYNTHETIC_RATE)


class Turned:
    """A source whose pictures are turned, for a camera that is not mounted upright."""

    def __init__(self, source: Source, degrees: int) -> None:
        """Take over a source.

        Args:
            source: to be turned.
            degrees: clockwise: 90, 180 or 270.
        """
        self.rate = source.rate
        self._source = source
        self._code = _TURNS[degrees]

    @property
    def lag_s(self) -> float:
        """Of the source."""
        return self._source.lag_s

    def read(self) -> Image | None:
        """Return the next picture; see `Source`."""
        image = self._source.read()
        if image is None or image.size == 0:
            return image
        return np.asarray(cv2.rotate(image, self._code), image.dtype)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
