"""Banknote-like backgrounds: families of guilloche and texture, drawn from a seeded generator.

Each family is a function from (height, width, rng) to a pattern in -1..1, registered by name, so
that a profile can hold families back for testing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.pixels import spread

Pattern = NDArray[np.float32]
Family = Callable[[int, int, np.random.Generator], Pattern]

FAMILIES: dict[str, Family] = {}


def _family(function: Family) -> Family:
    FAMILIES[function.__name__.lstrip("_")] = function
    return function


def _grid(height: int, width: int, rng: np.random.Generator) -> tuple[Pattern, Pattern]:
    """Return rotated coordinates in pixels, as two broadcastable sums."""
    angle = rng.uniform(0, np.pi)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None, :]
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x


def _lines(phase: NDArray[np.floating[Any]], rng: np.random.Generator) -> Pattern:
    """Turn a phase in radians into soft or sharp lines."""
    wave = np.sin(phase)
    gain = rng.uniform(0.8, 4.0)
    return np.asarray(np.clip(wave * gain + rng.uniform(-0.5, 0.5), -1, 1), np.float32)


@_family
def _plain(height: int, width: int, rng: np.random.Generator) -> Pattern:
    return np.zeros((height, width), np.float32)


@_family
def _blotch(height: int, width: int, rng: np.random.Generator) -> Pattern:
    small = rng.uniform(-1, 1, (int(rng.integers(2, 6)), int(rng.integers(3, 16))))
    big = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(big, -1, 1)


@_family
def _waves(height: int, width: int, rng: np.random.Generator) -> Pattern:
    u, v = _grid(height, width, rng)
    pitch = rng.uniform(0.08, 0.45) * height
    bend = rng.uniform(0, 1.2) * pitch
    run = rng.uniform(0.6, 4.0) * height
    return _lines(2 * np.pi / pitch * (v + bend * np.sin(2 * np.pi * u / run)), rng)


@_family
def _lattice(height: int, width: int, rng: np.random.Generator) -> Pattern:
    return np.minimum(_waves(height, width, rng), _waves(height, width, rng))


@_family
def _moire(height: int, width: int, rng: np.random.Generator) -> Pattern:
    u, v = _grid(height, width, rng)
    pitch = rng.uniform(0.06, 0.3) * height
    drift = rng.uniform(0.9, 1.1)
    return _lines(
        2 * np.pi / pitch * v + 0.6 * np.sin(2 * np.pi / (pitch * drift) * (v + 0.3 * u)), rng
    )


@_family
def _microtext(height: int, width: int, rng: np.random.Generator) -> Pattern:
    canvas = np.zeros((height, width), np.uint8)
    scale = rng.uniform(0.008, 0.02) * height
    step = max(6, int(scale * 26))
    word = "".join(chr(int(c)) for c in rng.integers(65, 91, 5)) * 12
    for row in range(int(rng.integers(-step, 0)), height + step, step):
        start = (int(rng.integers(-40, 0)), row)
        cv2.putText(canvas, word, start, int(rng.integers(0, 5)), scale, 255, 1, cv2.LINE_AA)
    return (canvas.astype(np.float32) / 127.5 - 1) * rng.uniform(0.4, 1)


@_family
def _rosette(height: int, width: int, rng: np.random.Generator) -> Pattern:
    y = np.arange(height, dtype=np.float32)[:, None] - rng.uniform(-0.5, 1.5) * height
    x = np.arange(width, dtype=np.float32)[None, :] - rng.uniform(0, 1) * width
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    petals = int(rng.integers(5, 24))
    pitch = rng.uniform(0.1, 0.5) * height
    return _lines(2 * np.pi / pitch * radius + rng.uniform(1, 5) * np.sin(petals * angle), rng)


@_family
def _hatching(height: int, width: int, rng: np.random.Generator) -> Pattern:
    u, v = _grid(height, width, rng)
    pitch = rng.uniform(0.08, 0.35) * height
    swell = np.sin(2 * np.pi * u / (rng.uniform(0.8, 3) * height))
    lines = np.sin(2 * np.pi * v / pitch) * 3 + 2 * swell
    return np.asarray(np.clip(lines, -1, 1), np.float32)


@_family
def _dots(height: int, width: int, rng: np.random.Generator) -> Pattern:
    u, v = _grid(height, width, rng)
    pitch = rng.uniform(0.1, 0.35) * height
    product = np.sin(2 * np.pi * u / pitch) * np.sin(2 * np.pi * v / pitch)
    dots = product * rng.uniform(1.5, 4) - rng.uniform(0, 1)
    return np.asarray(np.clip(dots, -1, 1), np.float32)


def paint(
    height: int, width: int, families: tuple[str, ...], strength: tuple[float, float],
    colour: NDArray[np.float32], rng: np.random.Generator,
) -> NDArray[np.float32]:  # fmt: skip
    """Paint paper of one colour with one to three patterns.

    Args:
        height: pixels.
        width: pixels.
        families: names of `FAMILIES` to choose from.
        strength: least and largest amplitude of a pattern, in grey levels.
        colour: (3,) BGR, 0..255.
        rng: the source of every choice.

    Returns:
        (height, width, 3) BGR, about 0..255 (not clipped).
    """
    image = np.empty((height, width, 3), np.float32)
    image[:] = colour
    for _ in range(int(rng.integers(1, 4))):
        pattern = FAMILIES[families[int(rng.integers(len(families)))]](height, width, rng)
        amplitude = rng.uniform(*strength) * (1 if rng.random() < 0.5 else -1)
        tint = rng.uniform(0.15, 1.0, 3) * amplitude
        if rng.random() < 0.4:  # the pattern fades along the line
            first, last = rng.uniform(0, 1, 2).tolist()
            ramp = np.linspace(first, last, width, dtype=np.float32)
            pattern = pattern * ramp[None, :]
        image += spread(pattern, tint.tolist())
    return image
