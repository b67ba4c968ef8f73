"""Recordings in place of a camera: a video, or the pictures of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgecnn.data.images import list_images, read_image
from edgecnn.errors import DataError
from edgecnn_device.cameras.source import Image, SourceEnded, SourceError
from edgecnn_device.videos import read_video

_SLIDES = 1.0
"""Pictures of a folder per second, where nothing else is asked for."""


class Video:
    """Frames of a video file; what can be read of a damaged one."""

    def __init__(self, path: str, rate: float | None, loop: bool) -> None:
        """Open it.

        Args:
            path: of the file.
            rate: to play it at; its own for None.
            loop: begin again at its end.

        Raises:
            SourceError: no frame of it can be read.
        """
        self.lag_s = 0.0
        self._path, self._loop = Path(path), loop
        self._frames = read_video(self._path)
        try:
            first, own = next(self._frames)
        except DataError as error:
            raise SourceError(str(error)) from error
        self._next: Image | None = first
        self.rate = rate or own

    def read(self) -> Image | None:
        """Return the next frame.

        Raises:
            SourceEnded: at the end; with the damage, if there is any.
            SourceError: it was to begin again, and is gone or spoilt.
        """
        if self._next is not None:
            image, self._next = self._next, None
            return image
        fault = ""
        try:
            return next(self._frames)[0]
        except StopIteration:
            pass
        except DataError as error:
            fault = str(error)
        if not self._loop:
            raise SourceEnded(fault)
        self._frames = read_video(self._path)
        try:
            return next(self._frames)[0]
        except DataError as error:
            raise SourceError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        close = getattr(self._frames, "close", None)
        if close is not None:
            close()


class Pictures:
    """The pictures of a folder, by name, or a single one."""

    def __init__(self, path: str, rate: float | None, loop: bool) -> None:
        """List them.

        Args:
            path: of the folder or the picture.
            rate: pictures per second.
            loop: begin again after the last one, with what is in the folder then.

        Raises:
            SourceError: there are none.
        """
        self.lag_s = 0.0
        self.rate = rate or _SLIDES
        self._path, self._loop = Path(path), loop
        self._files = self._list()

    def read(self) -> Image | None:
        """Return the next picture; None for a damaged one.

        Raises:
            SourceEnded: that was the last one.
            SourceError: it was to begin again, and there are none any more.
        """
        file = next(self._files, None)
        if file is None:
            if not self._loop:
                raise SourceEnded
            self._files = self._list()
            file = next(self._files)
        try:
            return read_image(file)
        except DataError:
            return None

    def close(self) -> None:
        """Nothing is open between pictures."""

    def _list(self) -> Iterator[Path]:
        if self._path.is_file():
            return iter((self._path,))
        try:
            return iter(list_images(self._path))
        except DataError as error:
            raise SourceError(str(error)) from error
