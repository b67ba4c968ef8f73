"""Lays flat scans of notes on generated desks, seen by a pinhole camera at any angle.

The desks are this benchmark's own: no generator that trains draws them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
from note_sets import Image, Scene, TrueNote
from numpy.typing import NDArray

FRAME = 1280, 720
FOCAL = 1100.0
"""Pixels: 60 degrees across the frame, a usual webcam."""
MARGIN = 10
"""Pixels that stay free around a note."""
OVERSAMPLING = 2

Points = NDArray[np.float64]


def warped(scene: Scene, max_tilt: float = 25.0, seed: int = 7001) -> Scene:
    """Return a flat scan, which is one note and nothing else, on a desk.

    Args:
        scene: with one note.
        max_tilt: degrees between the desk and the picture's plane.
        seed: equal seeds and names, equal pictures.
    """
    size = scene.read().shape[1::-1]
    matrix = pose(size, _rng(scene.name, seed, "pose"), max_tilt)

    def read() -> Image:
        return _photograph(scene.read(), matrix, _rng(scene.name, seed, "desk"))

    corners = _corners(size)
    notes = tuple(
        TrueNote(
            n.currency, n.serial,
            _moved(matrix, n.places.reshape(-1, 2)).reshape(-1, 4, 2), _moved(matrix, corners),
        )
        for n in scene.notes
    )  # fmt: skip
    return Scene(f"{scene.name}, warped", read, notes)


def pose(size: tuple[int, int], rng: np.random.Generator, max_tilt: float) -> Points:
    """Draw where a note lies, wholly in the frame: (3, 3) from its pixels to the frame's.

    Any angle in the plane, any direction of the tilt, up to ``max_tilt`` degrees; 55 to 90 % of
    the frame's width, or less where that does not fit.
    """
    turn, azimuth = rng.uniform(0, 2 * np.pi, 2)
    rotation = _about(azimuth, np.radians(rng.uniform(0, max_tilt))) @ _turned(turn)
    distance = FOCAL * size[0] / (rng.uniform(0.55, 0.9) * FRAME[0])
    place = rng.uniform(0, 1, 2)
    while True:
        centred = _moved(_projection(rotation, np.array((0, 0, distance)), size), _corners(size))
        low, high = centred.min(0), centred.max(0)
        shift = MARGIN - low + place * np.maximum(0, FRAME - (high - low) - 2 * MARGIN)
        # Shifted on the desk, not in the picture: its perspective changes with its place.
        where = np.array((*(shift * distance / FOCAL), distance))
        matrix = _projection(rotation, where, size)
        found = _moved(matrix, _corners(size))
        if (found >= MARGIN / 2).all() and (found <= np.array(FRAME) - MARGIN / 2).all():
            return matrix
        place = 0.5 + 0.9 * (place - 0.5)
        distance *= 1.01


def _projection(rotation: Points, translation: Points, size: tuple[int, int]) -> Points:
    """Return the homography of a plane, in its own pixels about its middle."""
    camera = np.array(((FOCAL, 0, FRAME[0] / 2), (0, FOCAL, FRAME[1] / 2), (0, 0, 1)))
    centred = np.array(((1, 0, -size[0] / 2), (0, 1, -size[1] / 2), (0, 0, 1)))
    return np.asarray(camera @ np.column_stack((rotation[:, :2], translation)) @ centred)


def _turned(angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return np.array(((c, -s, 0), (s, c, 0), (0, 0, 1)))


def _about(azimuth: float, angle: float) -> Points:
    """Return the rotation about an axis in the picture's plane (Rodrigues)."""
    axis = np.array((np.cos(azimuth), np.sin(azimuth), 0.0)) * angle
    return np.asarray(cv2.Rodrigues(axis)[0], np.float64)


def _corners(size: tuple[int, int]) -> NDArray[np.float32]:
    width, height = size
    return np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)


def _moved(matrix: Points, points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0], np.float32)


def _photograph(scan: Image, matrix: Points, rng: np.random.Generator) -> Image:
    """Draw a scan over a desk, at twice the frame's size and then halved, against stairs."""
    size = FRAME[0] * OVERSAMPLING, FRAME[1] * OVERSAMPLING
    finer = np.diag((OVERSAMPLING, OVERSAMPLING, 1.0)) @ matrix
    note = cv2.warpPerspective(scan, finer, size, flags=cv2.INTER_CUBIC)
    cover = cv2.warpPerspective(np.full(scan.shape[:2], 255, np.uint8), finer, size)
    small = cv2.resize(note, FRAME, interpolation=cv2.INTER_AREA).astype(np.float32)
    share = cv2.resize(cover, FRAME, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    desk = DESKS[int(rng.integers(len(DESKS)))](rng)
    # A soft shadow beside the note, and the sensor's noise.
    shadow = cv2.GaussianBlur(np.roll(share, (4, 5), (0, 1)), (0, 0), 6) * rng.uniform(0.1, 0.5)
    picture = desk * (1 - shadow[..., None])
    picture = picture * (1 - share[..., None]) + small
    return _pixels(picture + rng.normal(0, 2, picture.shape))


def _rng(name: str, seed: int, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{name} {purpose}".encode()).digest()
    return np.random.default_rng([seed, *digest[:8]])


def _pixels(picture: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _tint(rng: np.random.Generator, low: float, high: float) -> Points:
    """Draw a colour, BGR, not far from grey."""
    return np.asarray(rng.uniform(low, high) * rng.uniform(0.75, 1.15, 3))


def _noise(rng: np.random.Generator, columns: int, rows: int) -> NDArray[np.float32]:
    """Return smooth noise of about -1..1 over the frame."""
    small = rng.normal(0, 0.6, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(small, FRAME, interpolation=cv2.INTER_CUBIC), np.float32)


def _wood(rng: np.random.Generator) -> Points:
    grain = _noise(rng, 6, 90) + 0.5 * _noise(rng, 20, 400)
    rings = np.sin(np.cumsum(np.full(FRAME[1], 0.15))[:, None] + 3 * _noise(rng, 4, 6))
    return (1 + 0.08 * grain + 0.06 * rings)[..., None] * _tint(rng, 60, 170) * (0.7, 0.9, 1.15)


def _cloth(rng: np.random.Generator) -> Points:
    y, x = np.mgrid[: FRAME[1], : FRAME[0]] * (2 * np.pi / rng.uniform(4, 9))
    weave = np.sin(x) * np.sin(y) + 0.5 * _noise(rng, 640, 360) + _noise(rng, 6, 4)
    return np.asarray((1 + 0.09 * weave)[..., None] * _tint(rng, 50, 190))


def _stone(rng: np.random.Generator) -> Points:
    grain = np.sum([_noise(rng, FRAME[0] // k, FRAME[1] // k) for k in (2, 5, 16)], axis=0)
    return np.asarray((1 + 0.15 * grain)[..., None] * _tint(rng, 70, 190))


def _paint(rng: np.random.Generator) -> Points:
    return np.asarray((1 + 0.12 * _noise(rng, 4, 3))[..., None] * _tint(rng, 40, 225))


def _papers(rng: np.random.Generator) -> Points:
    """Sheets with lines of print on them, some of it numbers, on a plain desk."""
    picture = _pixels(_paint(rng))
    for _ in range(int(rng.integers(2, 5))):
        middle = tuple(rng.uniform((0, 0), FRAME).tolist())
        sheet = (middle, tuple(rng.uniform(300, 700, 2).tolist()), float(rng.uniform(0, 90)))
        outline = np.asarray(cv2.boxPoints(sheet), np.int32)
        cv2.fillConvexPoly(picture, outline, _tint(rng, 190, 245).tolist(), cv2.LINE_AA)
        for row in range(int(rng.integers(3, 12))):
            text = "".join(rng.choice(list("abcdefghij KLMNOP 0123456789 .-"), 18))
            at = int(middle[0]) - 150, int(middle[1]) - 100 + 26 * row
            cv2.putText(picture, text, at, int(rng.integers(0, 4)), 0.7, (40, 40, 40), 1,
                        cv2.LINE_AA)  # fmt: skip
    return np.asarray(picture, np.float64)


DESKS: tuple[Callable[[np.random.Generator], Points], ...] = (
    _wood, _cloth, _stone, _paint, _papers,
)  # fmt: skip
