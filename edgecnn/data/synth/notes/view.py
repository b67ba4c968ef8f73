"""A pinhole camera's view of a flat note."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Rng = np.random.Generator

_RIM = 0.015
"""Least distance of a note that lies wholly in the picture from its edge, as a share of its
width."""


def project(matrix: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
    """Map (N, 2) points by a homography (3, 3)."""
    homogeneous = np.column_stack((points, np.ones(len(points)))) @ matrix.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def look_at(
    note: tuple[float, float], picture: tuple[int, int], fill: float, tilt: float, whole: bool,
    rng: Rng,
) -> NDArray[np.float64]:  # fmt: skip
    """Choose a view of a note at any angle in the plane.

    Args:
        note: width and height in mm.
        picture: width and height in pixels.
        fill: length of the note as a share of the picture's width, if it were not turned.
        tilt: degrees between the note's plane and the picture's.
        whole: keep the note inside the picture, smaller than ``fill`` says where it has to be.
        rng: chooses the angle, the direction of the tilt, the lens and the place.

    Returns:
        (3, 3) homography from mm, from the note's top left corner, to pixels.
    """
    width, height = note
    focal = rng.uniform(0.9, 1.7)  # in widths of the picture: phones to kiosk cameras
    turn, axis = rng.uniform(-np.pi, np.pi), rng.uniform(0, np.pi)
    spin = _about((0.0, 0.0, 1.0), turn)
    lean = _about((np.cos(axis), np.sin(axis), 0.0), np.radians(tilt))
    rotation = lean @ spin
    distance = focal / fill  # in lengths of the note
    plane = np.column_stack((rotation[:, 0], rotation[:, 1], (0, 0, distance))) @ np.array(
        ((1 / width, 0, -0.5), (0, 1 / width, -height / width / 2), (0, 0, 1))
    )
    seen = np.diag((focal * picture[0], focal * picture[0], 1.0)) @ plane
    return np.asarray(_place(seen, note, picture, whole, rng) @ seen)


def _about(axis: tuple[float, float, float], angle: float) -> NDArray[np.float64]:
    """Return the rotation by an angle (radians) about an axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _place(
    seen: NDArray[np.float64], note: tuple[float, float], picture: tuple[int, int], whole: bool,
    rng: Rng,
) -> NDArray[np.float64]:  # fmt: skip
    """Choose where in the picture the note lies; returns (3, 3)."""
    width, height = note
    corners = project(seen, np.array(((0, 0), (width, 0), (width, height), (0, height))))
    low, high = corners.min(0), corners.max(0)
    rim = _RIM * picture[0]
    room = np.array(picture) - 2 * rim
    shrink = min(1.0, float((room / (high - low)).min())) if whole else 1.0
    low, high = low * shrink, high * shrink
    if whole:
        free = np.maximum(0, np.array(picture) - 2 * rim - (high - low))
        at = rim - low + rng.uniform(0, 1, 2) * free
    else:  # its middle lies in the picture
        at = rng.uniform(0.1, 0.9, 2) * picture - (low + high) / 2
    return np.array(((shrink, 0, at[0]), (0, shrink, at[1]), (0, 0, 1)))
