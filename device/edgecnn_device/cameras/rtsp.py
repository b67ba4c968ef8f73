"""Network cameras, by RTSP (RFC 2326 and 7826)."""

from __future__ import annotations

import os
import time

import cv2

from edgecnn_device.cameras.captured import Captured
from edgecnn_device.cameras.gstreamer import has_gstreamer, open_gstreamer, rtsp_pipeline
from edgecnn_device.cameras.lateness import Lateness, is_rush
from edgecnn_device.cameras.redact import redact
from edgecnn_device.cameras.source import Image, Source, SourceError

_OPTIONS = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|analyzeduration;1000000"
"""FFmpeg's: over TCP no packet is lost and no picture torn, and it looks at one second of the
stream (microseconds), not five, before it gives any of it."""
_DRAIN_S = 2.0
"""So long at most are pictures dropped for having been in store."""


def open_rtsp(url: str, timeout_s: float, first_s: float) -> Source:
    """Connect.

    Args:
        url: with credentials, where there are any.
        timeout_s: for the connection, and how late pictures may be.
        first_s: longer than that may the first picture take; later ones are up to whoever reads.

    Raises:
        SourceError: nobody answers, or not with a stream; says what was answered.
    """
    if cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG):
        return RtspStream(url, timeout_s, first_s)
    if has_gstreamer():
        return open_gstreamer(rtsp_pipeline(url, timeout_s), redact(url))
    raise SourceError(
        f"{redact(url)}: expected an OpenCV with FFmpeg or GStreamer: "
        "pip install opencv-python-headless"
    )


class RtspStream:
    """A stream through OpenCV's FFmpeg, that starts with a picture of now."""

    def __init__(self, url: str, timeout_s: float, first_s: float) -> None:
        """Connect; see `open_rtsp`."""
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = _OPTIONS
        open_ms, read_ms = round(1000 * timeout_s), round(1000 * (timeout_s + first_s))
        video = cv2.VideoCapture(
            url, cv2.CAP_FFMPEG,
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_ms],
        )  # fmt: skip
        self.rate = 0.0
        self.lag_s = 0.0
        self._stream = Captured(video, redact(url))
        self._name = redact(url)
        self._most_lag_s = timeout_s
        self._lateness = Lateness()
        self._position = 0.0
        self._drained = False

    def read(self) -> Image | None:
        """Return the next picture; the first one is not from before the connection.

        Raises:
            SourceError: the stream ended, stands still, or is late beyond repair: what is in store
                on the way is dropped by connecting anew.
        """
        image = self._stream.read() if self._drained else self._drain()
        self.lag_s = self._late_s()
        if self.lag_s > self._most_lag_s:
            raise SourceError(
                f"{self._name}: its pictures come {self.lag_s:.1f} s late: the network or this "
                "machine is too slow for it; choose a smaller size or rate on the camera"
            )
        return image

    def close(self) -> None:
        """Disconnect."""
        self._stream.close()

    def _drain(self) -> Image | None:
        """Drop what was buffered on the way: it comes faster than it was taken."""
        end = time.monotonic() + _DRAIN_S
        image = self._stream.read()
        while (before := time.monotonic()) < end:
            stream_s = self._position_s()
            image = self._stream.read()
            if not is_rush(self._position_s() - stream_s, time.monotonic() - before):
                break
        self._drained = True
        return image

    def _late_s(self) -> float:
        before, self._position = self._position, self._position_s()
        if self._position < before:  # it counts anew
            self._lateness = Lateness()
        if self._position == before:  # it does not say
            return 0.0
        return self._lateness(self._position, time.monotonic())

    def _position_s(self) -> float:
        return self._stream.video.get(cv2.CAP_PROP_POS_MSEC) / 1000
