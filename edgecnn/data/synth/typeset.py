"""Sets the characters of a serial number on a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.fonts import Face
from edgecnn.vision.serials import Pattern


@dataclass(frozen=True)
class Style:
    """How a line is set."""

    face: Face
    cap_px: int
    growth: float
    """Size of the first character, as a share of the last."""
    tracking: float
    gap: float


def typeset(
    text: str, pattern: Pattern, style: Style, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[float]]:
    """Set the characters on a baseline.

    Returns:
        Their coverage, cropped to the print, and the x of each character's middle in it.
    """
    cap, height = style.cap_px, int(style.cap_px * 1.7)
    base = int(style.cap_px * 1.3)
    canvas = np.zeros((height, cap * 3 + int(cap * (2.4 + style.tracking) * len(text))), np.uint8)
    pen = float(cap)
    first_big = 0 if style.growth == 1 else min(pattern.gaps, default=2)
    slope = rng.uniform(0.9, 1.1)
    centres: list[float] = []
    for place, char in enumerate(text):
        step = max(0, place - first_big) / max(1, len(text) - 1 - first_big)
        share = style.growth + (1 - style.growth) * step * min(1.0, slope)
        pixels, left, above, advance = style.face.glyph(char, max(6, round(cap * share)))
        if place in pattern.gaps:
            pen += style.gap * cap
        x, y = round(pen) + left, base - above + int(rng.integers(-1, 2) * 0.03 * cap)
        target = canvas[max(0, y) : y + pixels.shape[0], max(0, x) : x + pixels.shape[1]]
        centres.append(x + pixels.shape[1] / 2 - cap)
        np.maximum(target, pixels[: target.shape[0], : target.shape[1]], out=target)
        pen += advance + style.tracking * cap * share
    weight = rng.random()
    if weight < 0.1:
        canvas = cv2.dilate(canvas, np.ones((2, 2), np.uint8)).astype(np.uint8)
    elif weight < 0.16 and cap > 34:
        canvas = cv2.erode(canvas, np.ones((2, 2), np.uint8)).astype(np.uint8)
    return canvas[base - cap : base + max(1, cap // 10), cap : max(cap * 3, round(pen))], centres
