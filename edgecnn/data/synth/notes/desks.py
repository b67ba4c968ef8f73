"""What lies under and around the notes: desks, cloth, paper, and fingers that hold a note.

Each desk is a function from (height, width, rng) to a picture, registered by name, so that a
profile can hold some back for testing.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]
Rng = np.random.Generator
Desk = Callable[[int, int, Rng], Canvas]

DESKS: dict[str, Desk] = {}


def _desk(function: Desk) -> Desk:
    DESKS[function.__name__.lstrip("_")] = function
    return function


def _tone(rng: Rng, low: float = 15, high: float = 235) -> NDArray[np.float64]:
    return np.clip(rng.uniform(low, high) + rng.uniform(-45, 45, 3), 0, 255)


def _noise(height: int, width: int, cells: tuple[int, int], rng: Rng) -> NDArray[np.float32]:
    """Return smooth noise in -1..1 with so many cells down and across."""
    small = rng.uniform(-1, 1, (max(2, cells[0]), max(2, cells[1]))).astype(np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _tinted(pattern: NDArray[np.float32], rng: Rng, depth: float) -> Canvas:
    tint = rng.uniform(0.5, 1.0, 3) * depth
    return np.asarray(_tone(rng) + pattern[:, :, None] * tint, np.float32)


@_desk
def _plain(height: int, width: int, rng: Rng) -> Canvas:
    return _tinted(_noise(height, width, (2, 3), rng), rng, rng.uniform(2, 30))


@_desk
def _wood(height: int, width: int, rng: Rng) -> Canvas:
    across = _noise(height, width, (int(rng.integers(20, 90)), int(rng.integers(2, 6))), rng)
    rings = np.sin(_noise(height, width, (4, 2), rng) * rng.uniform(4, 18))
    image = _tinted(np.asarray(across * 0.7 + rings * 0.4, np.float32), rng, rng.uniform(8, 45))
    image *= np.array((0.75, 0.9, 1.0), np.float32)
    return image if rng.random() < 0.6 else np.ascontiguousarray(np.rot90(_wood_up(image)))


def _wood_up(image: Canvas) -> Canvas:
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(image, (height, width)), np.float32)


@_desk
def _cloth(height: int, width: int, rng: Rng) -> Canvas:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    a, pitch = rng.uniform(0, np.pi), rng.uniform(2.5, 12)
    u, v = np.cos(a) * x + np.sin(a) * y, np.cos(a) * y - np.sin(a) * x
    weave = np.sin(2 * np.pi * u / pitch) * np.sin(2 * np.pi * v / pitch)
    folds = _noise(height, width, (3, 4), rng)
    return _tinted(np.asarray(weave * 0.5 + folds, np.float32), rng, rng.uniform(5, 35))


@_desk
def _granite(height: int, width: int, rng: Rng) -> Canvas:
    grain = rng.standard_normal((height, width)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.8, 3)), np.float32)
    return _tinted(np.clip(soft / max(1e-6, float(soft.std())), -2.5, 2.5), rng, rng.uniform(6, 30))


@_desk
def _papers(height: int, width: int, rng: Rng) -> Canvas:
    """Sheets with printed lines, books, cards."""
    image = _plain(height, width, rng)
    for _ in range(int(rng.integers(2, 7))):
        size = rng.uniform(0.15, 0.7, 2) * (width, height)
        turn = float(rng.uniform(0, 360))
        middle = rng.uniform(0, 1, 2) * (width, height)
        sheet = np.tile(_tone(rng, 120, 250), (160, 220, 1)).astype(np.uint8)
        ink = tuple(_tone(rng, 10, 110).tolist())
        scale = float(rng.uniform(0.25, 0.9))
        for row in range(12, 160, max(8, int(34 * scale))):
            word = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(6, 40))))
            cv2.putText(sheet, word, (8, row), int(rng.integers(0, 4)), scale, ink, 1, cv2.LINE_AA)
        corners = cv2.boxPoints(((float(middle[0]), float(middle[1])), tuple(size.tolist()), turn))
        source = np.array(((0, 160), (0, 0), (220, 0), (220, 160)), np.float32)
        matrix = cv2.getPerspectiveTransform(source, corners)
        _paste(image, sheet.astype(np.float32), np.asarray(matrix, np.float64))
    return image


@_desk
def _clutter(height: int, width: int, rng: Rng) -> Canvas:
    """Coins, pens, boxes: filled shapes over a plain desk."""
    image = _plain(height, width, rng)
    for _ in range(int(rng.integers(4, 22))):
        tone = tuple(_tone(rng, 5, 250).tolist())
        at = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        kind, size = rng.random(), rng.uniform(0.03, 0.3) * width
        if kind < 0.35:
            cv2.circle(image, at, max(2, int(size / 3)), tone, -1, cv2.LINE_AA)
        elif kind < 0.6:
            end = (np.array(at) + rng.uniform(-1, 1, 2) * 2 * size).astype(int)
            cv2.line(image, at, (int(end[0]), int(end[1])), tone, max(2, int(size / 12)))
        else:
            box = (at, (size, size * rng.uniform(0.2, 1)), rng.uniform(0, 180))
            cv2.fillPoly(image, [cv2.boxPoints(box).astype(np.int32)], tone, cv2.LINE_AA)
    return image


@_desk
def _tiles(height: int, width: int, rng: Rng) -> Canvas:
    image = _granite(height, width, rng)
    pitch, shift = int(rng.uniform(0.1, 0.4) * width), rng.integers(0, 100, 2)
    tone = tuple(_tone(rng).tolist())
    for x in range(int(shift[0]), width, pitch):
        cv2.line(image, (x, 0), (x + int(shift[1]) - 50, height), tone, 3, cv2.LINE_AA)
    for y in range(int(shift[1]), height, pitch):
        cv2.line(image, (0, y), (width, y + int(shift[0]) - 50), tone, 3, cv2.LINE_AA)
    return image


@_desk
def _stripes(height: int, width: int, rng: Rng) -> Canvas:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    a = rng.uniform(0, np.pi)
    wave = np.sin((np.cos(a) * x + np.sin(a) * y) * 2 * np.pi / (rng.uniform(0.02, 0.2) * width))
    return _tinted(np.clip(wave * 3, -1, 1), rng, rng.uniform(10, 60))


@_desk
def _leather(height: int, width: int, rng: Rng) -> Canvas:
    cells = _noise(height, width, (height // 7, width // 7), rng)
    return _tinted(np.abs(cells) ** np.float32(0.5), rng, rng.uniform(8, 35))


def _paste(image: Canvas, layer: Canvas, matrix: NDArray[np.float64]) -> None:
    size = (image.shape[1], image.shape[0])
    seen = cv2.warpPerspective(np.ones(layer.shape[:2], np.float32), matrix, size)
    image += (cv2.warpPerspective(layer, matrix, size) - image) * seen[:, :, None]


def fingers(image: Canvas, covered: NDArray[np.uint8], grip: NDArray[np.float64], rng: Rng) -> None:
    """Draw one to three fingers that come from outside and hold a note, in place.

    Args:
        image: (H, W, 3).
        covered: (H, W), becomes 0 where a finger lies.
        grip: (2,) where the first finger's tip lies, in pixels.
        rng: the source of every choice.
    """
    height, width = image.shape[:2]
    away = grip - (width / 2, height / 2)
    away = away / max(1.0, float(np.hypot(*away)))
    thick = rng.uniform(0.035, 0.075) * width
    skin = np.array((rng.uniform(70, 170), rng.uniform(100, 190), rng.uniform(140, 235)))
    for number in range(int(rng.integers(1, 4))):
        side = np.array((-away[1], away[0])) * thick * 1.15 * number
        tip = grip + side - away * rng.uniform(0, 0.5) * thick
        end = tip + (away + rng.normal(0, 0.1, 2)) * 0.8 * width
        mask = np.zeros((height, width), np.float32)
        ends = (int(tip[0]), int(tip[1])), (int(end[0]), int(end[1]))
        cv2.line(mask, *ends, 1.0, max(3, int(thick)), cv2.LINE_AA)
        round_ = cv2.GaussianBlur(mask, (0, 0), thick / 5)
        tone = skin * rng.uniform(0.85, 1.1)
        lit = (0.55 + 0.45 * round_[:, :, None]) * tone.astype(np.float32)
        image += (lit - image) * mask[:, :, None]
        covered[mask > 0.5] = 0
