"""Generated pictures of shapes, a class per folder: to try a classifier without any download."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.write import write_png
from edgecnn.files import new_folder

CLASSES = ("bar", "disc", "ring", "square")
SIDE = 48
"""Pixels."""


def draw_shape(kind: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one (SIDE, SIDE, 3) BGR picture: a shape of random place, size, turn and colours."""
    dark = rng.integers(0, 90, 3)
    image = np.clip(dark + rng.normal(0, 12, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    middle = tuple(float(v) for v in rng.uniform(14, SIDE - 14, 2))
    radius, angle = float(rng.uniform(7, 12)), float(rng.uniform(0, 180))
    colour = tuple(int(v) for v in rng.integers(120, 256, 3))
    if kind in ("disc", "ring"):
        thickness = -1 if kind == "disc" else 3
        centre = (round(middle[0]), round(middle[1]))
        cv2.circle(image, centre, round(radius), colour, thickness, cv2.LINE_AA)
    else:
        size = (radius * 1.7, radius * 1.7) if kind == "square" else (radius * 2.2, 4.0)
        corners = cv2.boxPoints((middle, size, angle)).round().astype(np.int32)
        cv2.fillPoly(image, [corners], colour, cv2.LINE_AA)
    return image


def write_shapes(folder: Path, number: int, seed: int) -> int:
    """Write ``number`` pictures (PNG), the classes in turn, and return how many.

    Args:
        folder: must not exist, or be empty; gets a folder per class.
        number: how many.
        seed: equal seeds, equal pictures.

    Raises:
        InputError: the folder holds something.
    """
    with new_folder(folder) as temporary:
        for kind in CLASSES:
            (temporary / kind).mkdir()
        for index in range(number):
            kind = CLASSES[index % len(CLASSES)]
            image = draw_shape(kind, np.random.default_rng((seed, index)))
            write_png(temporary / kind / f"{index:05d}.png", image)
    return number
