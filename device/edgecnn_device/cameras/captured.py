"""Cameras that OpenCV reads: what `cv2.VideoCapture` calls grabbing and decoding."""

from __future__ import annotations

import cv2
import numpy as np

from edgecnn_device.cameras.source import Image, SourceError


class Captured:
    """An opened `cv2.VideoCapture` of a live camera, as a source."""

    def __init__(self, video: cv2.VideoCapture, name: str) -> None:
        """Take it over.

        Args:
            video: opened, or not.
            name: for people.

        Raises:
            SourceError: it is not open.
        """
        self.rate = 0.0
        self.lag_s = 0.0
        self.video = video
        """Not to be read from by others."""
        self._name = name
        if not video.isOpened():
            video.release()
            raise SourceError(f"{name}: cannot be opened")

    def read(self) -> Image | None:
        """Return the next picture; None for one that cannot be decoded.

        Raises:
            SourceError: the camera is gone, or gave nothing for too long.
        """
        # Not read(), which says the same of a camera that is gone and of one damaged picture.
        if not self.video.grab():
            raise SourceError(f"{self._name}: gives no more pictures")
        given, image = self.video.retrieve()
        return np.asarray(image, np.uint8) if given and image is not None else None

    def close(self) -> None:
        """Let go of the camera."""
        self.video.release()
