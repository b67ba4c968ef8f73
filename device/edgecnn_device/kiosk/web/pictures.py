"""Checks pictures that somebody sent before anything decodes them: kind, bytes, pixels, scans."""

from __future__ import annotations

from edgecnn.errors import DataError

MOST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 25_000_000
"""75 MB once decoded; telephones give 12 million."""
_MOST_SCANS = 64
"""Of a progressive JPEG; ten are usual, and each costs a pass over all pixels."""
_PNG = b"\x89PNG\r\n\x1a\n"
_NO_SIZE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG markers (ITU-T T.81, table B.1) that no length follows."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Those that tell height and width."""


def check_picture(name: str, data: bytes) -> None:
    """Refuse what is no JPEG or PNG by its content, or too large.

    Raises:
        DataError: so it is; the message names the picture.
    """
    if len(data) > MOST_BYTES:
        raise DataError(f"{name}: at most {MOST_BYTES} bytes, but {len(data)} came")
    size = _size_of(data)
    if size is None:
        raise DataError(f"{name}: expected a JPEG or a PNG, and this is neither, or damaged")
    width, height = size
    if not 0 < width * height <= MOST_PIXELS:
        raise DataError(
            f"{name}: {width} x {height} pixels: expected 1 to {MOST_PIXELS} in all, make it "
            "smaller"
        )
    if data.count(b"\xff\xda") > _MOST_SCANS and not data.startswith(_PNG):
        raise DataError(f"{name}: more than {_MOST_SCANS} scans: save it as an ordinary JPEG")


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height by the header; None where there is none."""
    if data.startswith(_PNG):
        if data[12:16] != b"IHDR" or len(data) < 24:
            return None
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = (int.from_bytes(data[at + k : at + k + 2], "big") for k in (5, 7))
            return width, height
        if marker == 0xFF:  # fill
            at += 1
        elif marker in _NO_SIZE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
