"""Rendered heads that come and go: they exercise the pipeline, and claim nothing about real faces.

An ellipsoid with a painted face, lit from one side, that turns and sways.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn_device.cameras.source import Image
from edgecnn_device.cameras.sway import Grain, Sway, desk, outside, skin_tone

STAYS_S = 4.5
"""So long a head is in view."""
_GAP_S = 0.7
_HEIGHT = 0.5
"""Of a head, as a share of the picture's."""
_NARROW = 0.76
"""Width of a head over its height."""
_SWAY = (0.03, 0.02, 12.0, 18.0)
"""Across and down (shares of the height), degrees of nodding and of turning."""
_SIDE = 512
"""Pixels of a painted face."""
_LIGHT = np.array((-0.4, -0.5, 0.77), np.float32)
"""Direction to the lamp; x to the right, y down, z to the camera."""


@dataclass(frozen=True, eq=False)
class _Head:
    number: int
    face: Image
    hair: tuple[float, ...]
    clothes: tuple[float, ...]
    sway: Sway


class SyntheticHeads:
    """Picture ``i`` of a seed is always the same."""

    def __init__(self, size: tuple[int, int], seed: int, rate: float) -> None:
        """Prepare.

        Args:
            size: width and height of the pictures.
            seed: of every choice.
            rate: frames per second at which they are meant to be shown.
        """
        self.rate = rate
        self.lag_s = 0.0
        self._size, self._seed = size, seed
        rng = np.random.default_rng([seed, 1])
        self._wall = desk("plain", size, rng)
        self._grain = Grain(size, rng)
        rows = max(8, round(_HEIGHT * size[1]))
        self._ball, self._shade, self._mask = _ellipsoid(rows, max(6, round(rows * _NARROW)))
        self._head: _Head | None = None
        self._next = 0

    def read(self) -> Image:
        """Return the next picture."""
        self._next += 1
        return self.picture(self._next - 1)

    def close(self) -> None:
        """Nothing is open."""

    def picture(self, index: int) -> Image:
        """Return one picture."""
        image = self._wall.copy()
        number = int(index / self.rate / (STAYS_S + _GAP_S))
        seconds = index / self.rate - number * (STAYS_S + _GAP_S)
        if seconds < STAYS_S:
            self._paint(image, self._person(number), seconds)
        return self._grain(image, np.random.default_rng([self._seed, 2, index]))

    def _person(self, number: int) -> _Head:
        if self._head is None or self._head.number != number:
            self._head = _draw_head(number, np.random.default_rng([self._seed, 3, number]))
        return self._head

    def _paint(self, image: Image, head: _Head, seconds: float) -> None:
        width, height = self._size
        x, y, *turns = head.sway(seconds)
        rows, columns = self._mask.shape
        left = round(width / 2 + height * x - columns / 2)
        left -= round(outside(seconds, STAYS_S) * (width / 2 + columns))
        top = round(height * (0.45 + y) - rows / 2)
        middle = left + columns // 2
        body = ((middle, top + round(1.75 * rows)), (round(1.1 * columns), round(0.85 * rows)))
        cv2.ellipse(image, body[0], body[1], 0, 180, 360, head.clothes, -1, cv2.LINE_AA)
        neck = (middle, top + rows), (round(0.25 * columns), round(0.2 * rows))
        cv2.ellipse(image, *neck, 0, 0, 360, head.face[-40, _SIDE // 2].tolist(), -1, cv2.LINE_AA)
        self._lay(image, self._render(head, turns), left, top)

    def _render(self, head: _Head, turns: list[float]) -> NDArray[np.float32]:
        """Return the head as it is seen, (rows, columns, 3), lit."""
        matrix = cv2.Rodrigues(np.radians((turns[0], turns[1], 0.0)))[0].astype(np.float32)
        seen = self._ball @ matrix
        behind = seen[..., 2] < 0
        places = (seen[..., :2] + 1) * np.float32(_SIDE / 2)
        places[behind] = -2  # outside the painting: hair
        painted = cv2.remap(head.face, places[..., 0], places[..., 1], cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=head.hair)  # fmt: skip
        return np.asarray(painted * self._shade, np.float32)

    def _lay(self, image: Image, head: NDArray[np.float32], left: int, top: int) -> None:
        rows, columns = self._mask.shape
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(image.shape[1], left + columns), min(image.shape[0], top + rows)
        if x1 <= x0 or y1 <= y0:
            return
        own = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        part = image[y0:y1, x0:x1]
        part[:] = part + (head[own] - part) * self._mask[own][..., None]


def _ellipsoid(
    rows: int, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return points of a unit sphere (rows, columns, 3), their light (.., 1) and the mask."""
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    radius = np.hypot(x, y)
    shrink = np.maximum(1, radius)
    z = np.sqrt(np.clip(1 - radius**2, 0, 1))
    ball = np.stack((x / shrink, y / shrink, z), -1).astype(np.float32)
    shade = 0.5 + 0.6 * np.clip(ball @ _LIGHT, 0, 1)
    mask = np.clip((1 - radius) * rows / 4 + 0.5, 0, 1)
    return ball, shade[..., None].astype(np.float32), mask.astype(np.float32)


def _draw_head(number: int, rng: np.random.Generator) -> _Head:
    skin = skin_tone(rng)
    hair = tuple((np.array((25, 35, 50)) * rng.uniform(0.3, 2.5)).tolist())
    clothes = tuple(rng.uniform(30, 200, 3).tolist())
    return _Head(number, _draw_face(skin, hair, rng), hair, clothes, Sway(_SWAY, rng))


def _draw_face(
    skin: NDArray[np.float64], hair: tuple[float, ...], rng: np.random.Generator
) -> Image:
    """Paint a face as it is seen from the front, on a square."""
    face = np.tile(np.clip(skin, 20, 245), (_SIDE, _SIDE, 1)).astype(np.uint8)
    half = _SIDE // 2
    apart, high = rng.uniform(0.30, 0.38), rng.uniform(-0.18, -0.1)
    mouth, nose = rng.uniform(0.42, 0.5), rng.uniform(0.14, 0.2)

    def oval(
        x: float, y: float, w: float, h: float, tone: tuple[float, ...], turn: float = 0
    ) -> None:
        at = (round(half * (1 + x)), round(half * (1 + y)))
        axes = (max(1, round(half * w)), max(1, round(half * h)))
        cv2.ellipse(face, at, axes, turn, 0, 360, tone, -1, cv2.LINE_AA)

    dark, light = tuple((skin * 0.72).tolist()), tuple(np.clip(skin * 1.12, 0, 255).tolist())
    iris = tuple(rng.uniform(30, 120, 3).tolist())
    for side in (-1, 1):
        oval(side * apart, high, 0.19, 0.13, dark)
        oval(side * apart, high, 0.14, 0.075, (235, 235, 235))
        oval(side * apart, high, 0.07, 0.07, iris)
        oval(side * apart, high, 0.035, 0.035, (10, 10, 10))
        oval(side * apart, high - 0.19, 0.19, 0.035, hair, side * 6)
        oval(side * 0.06, nose + 0.05, 0.035, 0.02, (20, 20, 40))
    oval(0, nose - 0.14, 0.05, 0.2, light)
    oval(0, nose + 0.07, 0.11, 0.02, dark)
    oval(0, mouth, rng.uniform(0.2, 0.26), 0.055, (75, 70, 165))
    oval(0, mouth, 0.2, 0.012, (40, 30, 80))
    oval(0, -1.15, 1.3, rng.uniform(0.55, 0.7), hair)
    return np.asarray(cv2.GaussianBlur(face, (0, 0), 2.0), np.uint8)
