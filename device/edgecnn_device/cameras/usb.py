"""USB cameras, and whatever else speaks Video4Linux2."""

from __future__ import annotations

import errno
import math
import os

import cv2

from edgecnn_device.cameras.captured import Captured
from edgecnn_device.cameras.source import SourceError, Wanted

_ADVICE = {
    errno.ENOENT: "there is no such camera: see which there are by ls /dev/video*",
    errno.EACCES: "not allowed: add the user to the group video",
    errno.EBUSY: "something else uses it",
    errno.ENODEV: "the device is gone",
    errno.ENXIO: "the device is gone",
}


def open_usb(device: str, wanted: Wanted) -> Captured:
    """Open a camera and ask it for motion JPEG, which gives the most frames per second over USB 2.

    Args:
        device: /dev/videoN, or a link to it.
        wanted: size and rate; a camera takes the nearest that it can do.

    Raises:
        SourceError: it cannot be opened; says why.
    """
    try:  # OpenCV would only say that it could not
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror)
        raise SourceError(f"{device}: {advice}") from error
    # Whole seconds, of OpenCV's own wait for a frame; the reader's deadline is the one that counts.
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(math.ceil(wanted.timeout_s))
    camera = Captured(cv2.VideoCapture(device, cv2.CAP_V4L2), device)
    video = camera.video
    video.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # the sizes depend on it
    for key, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, wanted.width), (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height),
        (cv2.CAP_PROP_FPS, wanted.rate),
        (cv2.CAP_PROP_BUFFERSIZE, 1),  # what lies in more is old
    ):  # fmt: skip
        if value is not None:
            video.set(key, value)
    return camera
