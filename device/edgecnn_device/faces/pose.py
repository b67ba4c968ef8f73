"""Estimates where a head is turned from its five points."""

from __future__ import annotations

import math

import numpy as np

from edgecnn_device.faces.results import Points

HEAD = np.array(
    ((-0.531, -0.552, 0.04), (0.531, -0.552, 0.04), (0.0, 0.075, -0.46), (-0.469, 0.515, 0.19),
     (0.469, 0.515, 0.19))
)  # fmt: skip
"""(5, 3) x to the right, y down, z away from the camera, of a mean head that looks at the camera;
in distances between the eyes of an aligned face. The plane is the median of 273 faces of LFW, of
nobody in any fold, whose nose is midway between the eyes as YuNet sees them; the depths are those
with which the points of 820 such pictures fit a turned head best."""
_INVERSE = np.linalg.pinv(HEAD)


def head_pose(points: Points) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees; see `Quality`.

    The points of the mean head are fitted to those of the picture under scaled orthography
    (DeMenthon and Davis, "Model-based object pose in 25 lines of code", IJCV 1995, without its
    iteration): the camera is taken to be far, and people differ from the mean, so that these are
    estimates. Points that are all at one place give zeros.
    """
    seen = points - points.mean(0)
    across, down = (_INVERSE @ seen).T
    scale = math.sqrt(float(np.linalg.norm(across) * np.linalg.norm(down)))
    if not scale > 1e-9:
        return 0.0, 0.0, 0.0
    # The nearest rotation to the two fitted rows and their cross product.
    rows = np.stack((across, down)) / scale
    left, _, right = np.linalg.svd(np.vstack((rows, np.cross(rows[0], rows[1]))))
    turn = left @ right
    yaw = math.asin(float(np.clip(turn[2, 0], -1, 1)))
    pitch = math.atan2(float(turn[2, 1]), float(turn[2, 2]))
    roll = math.atan2(float(turn[1, 0]), float(turn[0, 0]))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)
