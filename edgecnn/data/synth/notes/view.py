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


def scan(note: tuple[float, float], picture: tuple[int, int], rng: Rng) -> NDArray[np.float64]:
    """Choose how a note lies on a scanner: filling the picture, hardly askew, either way up.

    Args:
        note: width and height in mm.
        picture: width and height in pixels, of about the note's shape.
        rng: chooses the way up, a degree or two, and the cut.

    Returns:
        (3, 3) homography from mm, from the note's top left corner, to pixels.
    """
    middle, size = np.array(note) / 2, np.array(picture)
    scale = size[0] / note[0] * rng.uniform(0.94, 1.03)
    turn = np.radians(rng.normal(0, 0.8)) + (np.pi if rng.random() < 0.3 else 0.0)
    at = size / 2 + rng.normal(0, 0.008, 2) * size[0]
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    lie = np.array(((cos, -sin, at[0]), (sin, cos, at[1]), (0, 0, 1)))
    return np.asarray(lie @ np.array(((1, 0, -middle[0]), (0, 1, -middle[1]), (0, 0, 1))))


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
    else:  # some point of it lies in the picture: near notes show an end, with its serial, too
        point = project(seen, rng.uniform((0, 0), (width, height))[None])[0]
        at = rng.uniform(0.15, 0.85, 2) * picture - point
    return np.array(((shrink, 0, at[0]), (0, shrink, at[1]), (0, 0, 1)))
