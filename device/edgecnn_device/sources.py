"""Where pictures come from: picture files, directories of them, video files, and cameras."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import list_images, read_image
from edgecnn.errors import DataError
from edgecnn_device.cameras import Capture, is_camera, redact
from edgecnn_device.kiosk.config import CameraConfig
from edgecnn_device.videos import SUFFIXES as VIDEOS
from edgecnn_device.videos import read_video

_NOMINAL_RATE = 15.0
"""Frames per second of a camera, where a file of them has to state one."""
_TURN_S = 0.2


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source, or the reason why there is none."""

    source: str
    """The file, or the address of the camera without credentials."""
    index: int
    """0 for a picture; counts the frames of a video or a camera."""
    image: NDArray[np.uint8] | None
    """(H, W, 3) BGR, upright."""
    error: str = ""
    rate: float = 0.0
    """Frames per second of a video or a camera; 0 for a picture."""


def open_source(source: str, stop: threading.Event | None = None) -> Iterator[Frame]:
    """Yield the pictures of a file, a directory, a video or a camera.

    One that cannot be read comes with its error. Of a damaged video come the frames that can be
    read, and then the error. A camera gives its newest frame each time; where it is lost its error
    comes, and its frames go on when it is there again.

    Args:
        source: a path, or the address of a camera (`edgecnn_device.cameras`).
        stop: ends a camera, which does not end by itself.

    Raises:
        DataError: there is no such source, or no picture in it.
        InputError: no address of a camera.
    """
    if is_camera(source):
        yield from _camera_frames(source, stop or threading.Event())
        return
    path = Path(source)
    if path.is_dir():
        files = list_images(path)
    elif path.exists():
        files = [path]
    else:
        raise DataError(
            f"{redact(source)}: no such file or directory: expected a picture, a video, a folder "
            "of pictures, or a camera as usb:0, csi:0, rtsp://..., synthetic:notes"
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


def _camera_frames(source: str, stop: threading.Event) -> Iterator[Frame]:
    losses: queue.SimpleQueue[str] = queue.SimpleQueue()

    def note(_: str, state: str, reason: str) -> None:
        if state == "backoff":
            losses.put(reason)

    # What is generated waits until it is taken, so that every frame of it is seen.
    capture = Capture("camera", CameraConfig(source=source, paced=False), on_change=note)
    capture.start()
    shown, last, count = redact(source), -1, 0
    try:
        while not stop.is_set():
            frame = capture.slot.take(_TURN_S, last)
            if frame is not None:
                yield Frame(shown, count, frame.image, rate=_NOMINAL_RATE)
                last, count = frame.index, count + 1
            elif not losses.empty():
                reason = losses.get()
                if not count:
                    raise DataError(reason)
                yield Frame(shown, count, None, reason)
    finally:
        capture.stop()
        capture.join(2.0)
