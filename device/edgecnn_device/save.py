"""Writes drawn frames into a folder: a picture for a picture, a video for a video."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import InputError
from edgecnn.files import refuse_existing, write_atomic
from edgecnn_device.sources import Frame

_KEPT = frozenset({".png", ".jpg", ".jpeg"})
"""Kinds of pictures that are written as they came; the others become PNG."""
_CODECS = ((".mp4", "mp4v"), (".avi", "MJPG"))
"""In the order in which they are tried: motion JPEG is in every OpenCV."""


class Saver:
    """Takes the frames of sources, one source after the other.

    Files have a temporary name until they are whole. As a context manager it finishes the last
    video at the end; where an error ends it, that video is removed.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._taken: set[Path] = set()
        self._video: _Video | None = None

    def __enter__(self) -> Saver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if kind is None:
            self.finish()
        elif self._video is not None:
            self._video.discard()

    def write(self, frame: Frame, drawn: NDArray[np.uint8]) -> None:
        """Write one frame of a source as it was drawn, (H, W, 3) BGR.

        Raises:
            InputError: the file is there and may not be replaced, is a source itself or stands for
                another source already, or cannot be written.
        """
        source = Path(frame.source)
        if frame.rate:
            if self._video is None or frame.index == 0:
                self.finish()
                self._video = self._new_video(source, frame.rate, drawn)
            self._video.add(drawn)
            return
        suffix = source.suffix if source.suffix.lower() in _KEPT else ".png"
        path = self._claim(source, suffix)
        done, data = cv2.imencode(suffix.lower(), drawn)
        if not done:
            raise InputError(f"{path}: OpenCV cannot write a picture of {drawn.shape}")
        write_atomic(path, data.tobytes(), overwrite=self._overwrite)

    def finish(self) -> None:
        """Give the video that is being written, if any, its name."""
        if self._video is not None:
            self._video.finish()
            self._video = None

    def _new_video(self, source: Path, rate: float, drawn: NDArray[np.uint8]) -> _Video:
        self._claim(source, _CODECS[0][0])
        for suffix, codec in _CODECS:
            path = self._folder / f"{source.stem}{suffix}"
            refuse_existing(path, self._overwrite)
            video = _Video(path, codec, rate, drawn)
            if video.opened:
                return video
            video.discard()
        raise InputError(f"{path}: this OpenCV writes neither mp4 nor avi of {drawn.shape}")

    def _claim(self, source: Path, suffix: str) -> Path:
        """Return the file for a source, that no other source and no file may have."""
        path = self._folder / f"{source.stem}{suffix}"
        refuse_existing(path, self._overwrite)
        if path.resolve() == source.resolve():
            raise InputError(f"{path} is the source itself: choose another folder for --save")
        if path in self._taken:
            raise InputError(f"{path} already shows another source: save the two into two folders")
        self._taken.add(path)
        return path


class _Video:
    """A video file being written under a temporary name."""

    def __init__(self, path: Path, codec: str, rate: float, first: NDArray[np.uint8]) -> None:
        self._path = path
        # OpenCV's mp4 drops the last column or row of an odd size.
        self._size = (first.shape[1] + first.shape[1] % 2, first.shape[0] + first.shape[0] % 2)
        self._frames = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
        except OSError as error:
            raise InputError(f"{path}: cannot write there: {error.strerror}") from error
        os.close(handle)
        self._temporary = Path(name)
        code = cv2.VideoWriter.fourcc(*codec)
        self._writer = cv2.VideoWriter(str(self._temporary), code, rate, self._size)
        self.opened = self._writer.isOpened()

    def add(self, drawn: NDArray[np.uint8]) -> None:
        right, bottom = (self._size[k] - drawn.shape[1 - k] for k in (0, 1))
        if min(right, bottom) < 0 or max(right, bottom) > 1:
            drawn = np.asarray(cv2.resize(drawn, self._size), np.uint8)
            right = bottom = 0
        self._writer.write(cv2.copyMakeBorder(drawn, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        self._frames += 1

    def finish(self) -> None:
        self._writer.release()
        # OpenCV says nothing of a full disk: what was written is read back.
        written = cv2.VideoCapture(str(self._temporary))
        frames = round(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if frames != self._frames:
            self.discard()
            raise InputError(
                f"{self._path}: cannot write: {frames} of {self._frames} frames are in the file"
            )
        self._temporary.chmod(0o644)
        self._temporary.replace(self._path)

    def discard(self) -> None:
        self._writer.release()
        self._temporary.unlink(missing_ok=True)
