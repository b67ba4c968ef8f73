"""Reads video files frame by frame, and tells when a part of one is missing.

OpenCV's reader ends in the same silence at the end of a video and at damage, so the file's own
account is checked: that it is all there, and that the frames reach the end of the time it states.
Damage that a decoder hides, and a GIF that breaks off within, remain unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".gif", ".mov", ".m4v", ".webm"})

_DEFAULT_RATE, _MOST_RATE = 25.0, 240.0
"""Frames per second where a file states none, or a number that only counts its clock."""
_SLACK_S = 0.5
"""A stated length is rounded, and may be that of the sound."""
_UNKNOWN_SIZE = frozenset((1 << 7 * n) - 1 for n in range(1, 9))
"""What Matroska writes, by length of the number, while a recording goes on."""


def read_video(path: Path) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield each frame, (H, W, 3) BGR upright, with the frames per second of the video.

    Raises:
        DataError: not a video; or, after the frames that could be read, that it is damaged.
    """
    missing = _missing(path)
    # OpenCV's FFmpeg would write each fault of a file to stderr in its own words.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    count = 0
    video = cv2.VideoCapture(str(path))
    try:
        rate, seconds = _rate(video), _stated_seconds(video)
        reached = 0.0
        while True:
            given, image = video.read()
            if not given:
                break
            count += 1
            reached = max(reached, video.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            yield np.asarray(image, np.uint8), rate
    finally:
        video.release()
    if not count:
        raise DataError(f"{path}: not a video, or damaged: no frame of it can be read")
    if reached + 1 / rate < seconds - max(_SLACK_S, 0.05 * seconds):
        missing = missing or f"its frames end at {reached:.1f} s of {seconds:.1f}"
    if missing:
        raise DataError(f"{path}: damaged: {missing}; {count} frames could be read")


def _rate(video: cv2.VideoCapture) -> float:
    rate = video.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate <= _MOST_RATE else _DEFAULT_RATE


def _stated_seconds(video: cv2.VideoCapture) -> float:
    frames, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    return frames / rate if frames > 0 and rate > 0 else 0.0


def _missing(path: Path) -> str:
    """Return what a file lacks by its container's own account; empty where it is whole.

    Raises:
        DataError: it cannot be read, or is of no kind known here.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(12)
            end = _stated_end(file, start, size)
            file.seek(max(0, size - 1))
            last = file.read(1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if end is None:
        raise DataError(f"{path}: not a video: expected MP4, Matroska, WebM, AVI or GIF")
    if start.startswith(b"GIF8"):
        return "" if last in {b";", b"\0"} else "the end of the file is missing"
    return f"the file has {size:,} of {end:,} bytes" if end > size else ""


def _stated_end(file: BinaryIO, start: bytes, size: int) -> int | None:
    """Return how long a file says that it is; None where it is of no known kind."""
    if start.startswith(b"GIF8"):
        return size
    if start.startswith(b"RIFF") and start.endswith(b"AVI "):
        return 8 + int.from_bytes(start[4:8], "little")
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return _end_of_matroska(file)
    if start[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
        return _end_of_mp4(file, size)
    return None


def _end_of_mp4(file: BinaryIO, size: int) -> int:
    """Walk over the boxes: each begins with its length and four letters."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # then eight bytes hold it
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # the last box: to the end
            return size
        if length < 8:
            return at + 8
        at += length
    return at


def _end_of_matroska(file: BinaryIO) -> int:
    """Return where the second element, the segment, ends."""
    file.seek(4)
    file.seek(_number(file), os.SEEK_CUR)
    file.seek(4, os.SEEK_CUR)
    length = _number(file)
    return 0 if length in _UNKNOWN_SIZE else file.tell() + length


def _number(file: BinaryIO) -> int:
    """Read a number whose leading zero bits say how many bytes follow."""
    first = file.read(1) or b"\x80"
    more = 8 - first[0].bit_length()
    rest = int.from_bytes(file.read(more), "big")
    return (first[0] & ((1 << (7 - more)) - 1 if more < 8 else 0)) << 8 * more | rest
