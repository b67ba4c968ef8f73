"""Cameras on a board's own ribbon connector: picamera2 on a Raspberry Pi, Argus on a Jetson."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from edgecnn_device.cameras.gstreamer import argus_pipeline, has_gstreamer, open_gstreamer
from edgecnn_device.cameras.source import Image, Source, SourceError, Wanted

_WIDTH, _HEIGHT = 1280, 720
"""Where no size is asked for: the sensor's own would be many megapixels."""


def open_csi(number: int, wanted: Wanted) -> Source:
    """Open a camera.

    Args:
        number: of the camera, from 0.
        wanted: size and rate.

    Raises:
        SourceError: there is no such camera, or nothing that can read it; says what to install.
    """
    if importlib.util.find_spec("picamera2") is not None:
        return Picamera(number, wanted)
    if has_gstreamer():
        return open_gstreamer(argus_pipeline(number, wanted), f"csi:{number}")
    raise SourceError(
        f"csi:{number}: expected picamera2 (Raspberry Pi) or an OpenCV with GStreamer (Jetson), "
        "found neither: sudo apt install python3-picamera2, and make the virtual environment with "
        "--system-site-packages, since libcamera does not come from pip; on a Jetson use the "
        "OpenCV of JetPack"
    )


class Picamera:
    """A Raspberry Pi's camera through picamera2.

    It is known to wait for ever for a frame (raspberrypi/picamera2 issues 1004 and 1090), so it
    has to run where it can be killed.
    """

    def __init__(self, number: int, wanted: Wanted) -> None:
        """Open and start it; see `open_csi`."""
        self.rate = 0.0
        self.lag_s = 0.0
        self._name = f"csi:{number}"
        size = (wanted.width or _WIDTH, wanted.height or _HEIGHT)
        controls = {"FrameRate": wanted.rate} if wanted.rate else {}
        try:
            self._camera: Any = importlib.import_module("picamera2").Picamera2(number)
            # Its RGB888 has blue first in memory, as OpenCV has it.
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": size, "format": "RGB888"}, controls=controls
                )
            )
            self._camera.start()
        except (RuntimeError, IndexError, ValueError, OSError) as error:
            raise SourceError(f"{self._name}: cannot be started: {error}") from error

    def read(self) -> Image | None:
        """Return the next picture.

        Raises:
            SourceError: the camera is gone.
        """
        try:
            return np.asarray(self._camera.capture_array("main"), np.uint8)
        except (RuntimeError, OSError) as error:
            raise SourceError(f"{self._name}: gives no more pictures: {error}") from error

    def close(self) -> None:
        """Stop it."""
        self._camera.close()
