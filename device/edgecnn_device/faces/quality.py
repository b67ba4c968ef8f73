"""Says whether a picture shows a face well enough to decide by it, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgecnn.vision.placement import Size
from edgecnn_device.faces.align import share_inside
from edgecnn_device.faces.pose import head_pose
from edgecnn_device.faces.results import FoundFace, Picture, Quality

_FACE = slice(16, 96)
"""Rows and columns of an aligned face that hold little of what is around it."""


@dataclass(frozen=True)
class QualityRules:
    """What a picture must show.

    The defaults are where MobileFaceNet's vector of a spoilt picture is still like that of the same
    picture unspoilt, on LFW people of no fold: shrunk to 17 pixels between the eyes the cosine was
    0.92 (median; 0.83 in the worst twentieth), at 13 0.82 (0.71); blurred to a sharpness of 0.012
    it was 0.84, at 0.005 0.60. Of 400 such pictures as they are none had less than 0.012.
    """

    min_eye_distance: float = 16.0
    """Pixels between the eyes."""
    min_inside: float = 0.8
    """Share of the aligned face that the picture must hold, 0..1."""
    min_sharpness: float = 0.008
    """See `sharpness_of`."""
    max_yaw: float = 40.0
    """Degrees to either side."""
    max_pitch: float = 30.0
    """Degrees up or down."""


def sharpness_of(aligned: Picture) -> float:
    """Return the variance of the Laplacian of an aligned face over the variance of its grey levels.

    The Laplacian alone (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000) calls a face in dim light blurred; divided by the contrast it does not. A face without any
    contrast has 0.
    """
    grey = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY).astype(np.float32)
    edges = cv2.Laplacian(grey, cv2.CV_32F)[_FACE, _FACE]
    contrast = float(grey[_FACE, _FACE].var())
    return float(edges.var()) / contrast if contrast > 1 else 0.0


def judge(
    found: FoundFace, aligned: Picture, size: Size, rules: QualityRules | None = None
) -> Quality:
    """Measure how well a face is shown.

    Args:
        found: the face.
        aligned: its cut-out, of `align`.
        size: width and height of the picture.
        rules: what it must show.
    """
    limits = rules or QualityRules()
    points = found.points
    distance = float(np.linalg.norm(points[1] - points[0]))
    inside, sharpness = share_inside(points, size), sharpness_of(aligned)
    yaw, pitch, roll = head_pose(points)
    faults = {
        f"too small: {distance:.0f} pixels between the eyes, {limits.min_eye_distance:.0f} needed":
            distance < limits.min_eye_distance,
        f"cut by the edge of the picture: {100 * inside:.0f} % of the face is in it":
            inside < limits.min_inside,
        "blurred: hold still, or clean the lens": sharpness < limits.min_sharpness,
        f"turned to the side by about {abs(yaw):.0f} degrees: look at the camera":
            abs(yaw) > limits.max_yaw,
        f"looks {'down' if pitch > 0 else 'up'} by about {abs(pitch):.0f} degrees: look at the "
        "camera": abs(pitch) > limits.max_pitch,
    }  # fmt: skip
    reasons = tuple(reason for reason, applies in faults.items() if applies)
    return Quality(distance, inside, sharpness, yaw, pitch, roll, reasons)
