"""Cameras through GStreamer, where OpenCV is built with it, as on a Jetson (pip's is not)."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

import cv2

from edgecnn_device.cameras.captured import Captured
from edgecnn_device.cameras.source import Wanted

_NEWEST = "appsink drop=true max-buffers=1 sync=false"
"""Keeps one picture, the newest, and gives it at once."""


def has_gstreamer() -> bool:
    """Tell whether this OpenCV can use GStreamer."""
    return bool(cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER))


def open_gstreamer(pipeline: str, name: str) -> Captured:
    """Open a pipeline that ends in an appsink.

    Raises:
        SourceError: it cannot be opened.
    """
    return Captured(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER), name)


def rtsp_pipeline(url: str, timeout_s: float) -> str:
    """Return the pipeline of an RTSP stream over TCP.

    Args:
        url: with credentials, percent-encoded; they become properties of their own, so that no
            message that names the address has them.
        timeout_s: without data.
    """
    parts = urlsplit(url)
    place = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    limit = str(round(1e6 * timeout_s))  # microseconds
    properties = {"location": place, "protocols": "tcp", "latency": "200",
                  "drop-on-latency": "true", "tcp-timeout": limit}  # fmt: skip
    if parts.username:
        properties["user-id"] = unquote(parts.username)
        properties["user-pw"] = unquote(parts.password or "")
    given = " ".join(f"{key}={_quoted(value)}" for key, value in properties.items())
    return f"rtspsrc {given} ! decodebin ! videoconvert ! video/x-raw,format=BGR ! {_NEWEST}"


def argus_pipeline(number: int, wanted: Wanted) -> str:
    """Return the pipeline of a Jetson's CSI camera (nvarguscamerasrc of NVIDIA's L4T)."""
    width, height = wanted.width or 1280, wanted.height or 720
    rate = max(1, round(wanted.rate or 30))
    return (
        f"nvarguscamerasrc sensor-id={number} ! "
        f"video/x-raw(memory:NVMM),width={width},height={height},framerate={rate}/1 ! "
        f"nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! {_NEWEST}"
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
