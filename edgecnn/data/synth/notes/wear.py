"""What use does to a note: folds, soil, stains, faded print, a stroke of a pen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.pixels import spread

Canvas = NDArray[np.float32]
Rng = np.random.Generator


def wear(image: Canvas, scale: float, amount: float, rng: Rng) -> Canvas:
    """Return a note after use.

    Args:
        image: (H, W, 3) of the fresh note.
        scale: pixels per mm.
        amount: 0 leaves it as it is; 1 wears it as far as it gets.
        rng: the source of every choice.
    """
    out = image.copy()
    if amount <= 0:
        return out
    for _ in range(int(rng.integers(0, 1 + round(4 * amount)))):
        _fold(out, scale, amount, rng)
    _soil(out, amount, rng)
    if rng.random() < 0.3 * amount:
        _pen(out, scale, rng)
    return out


def _fold(image: Canvas, scale: float, amount: float, rng: Rng) -> None:
    """Crease the paper along a line: a pale ridge, and one side darker than the other; in place."""
    height, width = image.shape[:2]
    along_x = rng.random() < 0.35
    reach, across = (height, width) if along_x else (width, height)
    middle, slope = rng.uniform(0.1, 0.9) * reach, rng.uniform(-0.08, 0.08)
    far = np.arange(reach, dtype=np.float32)[:, None] - middle
    far = far - np.float32(slope) * (np.arange(across, dtype=np.float32)[None, :] - across / 2)
    far = far if along_x else far.T
    ridge = np.exp(-((far / (0.35 * scale)) ** 2)) * rng.uniform(0.05, 0.35) * amount
    side = np.clip(far / (rng.uniform(3, 25) * scale), -1, 1) * rng.uniform(-0.12, 0.12) * amount
    image *= 1 - spread(np.asarray(side, np.float32), (1, 1, 1))
    tone = 235.0 if rng.random() < 0.7 else 60.0
    image += (tone - image) * np.asarray(ridge, np.float32)[:, :, None]


def _soil(image: Canvas, amount: float, rng: Rng) -> None:
    """Yellow and darken the paper in patches, and fade the print; in place."""
    height, width = image.shape[:2]
    small = rng.random((int(rng.integers(2, 7)), int(rng.integers(3, 12)))).astype(np.float32)
    patches = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    depth = rng.uniform(0, 0.28) * amount
    colour = 1 - depth * np.array((1.0, 0.75, 0.65))
    image *= 1 - spread(np.clip(patches, 0, 1), (1 - colour).tolist())
    fade = rng.uniform(0, 0.25) * amount
    image += (image.mean((0, 1)) - image) * np.float32(fade)


def _pen(image: Canvas, scale: float, rng: Rng) -> None:
    """Draw a stroke of a pen, in place."""
    height, width = image.shape[:2]
    start = rng.uniform((0, 0), (width, height))
    points = start + np.cumsum(rng.normal(0, 4 * scale, (int(rng.integers(3, 9)), 2)), axis=0)
    tone = tuple(float(c) for c in rng.uniform(20, 120, 3))
    thick = max(1, round(rng.uniform(0.3, 0.8) * scale))
    cv2.polylines(image, [points.astype(np.int32)], False, tone, thick, cv2.LINE_AA)
