"""Generated patterns that stand for people: to try an embedder where no person's picture is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.write import write_png
from edgecnn.files import new_folder

SIDE = 48
"""Pixels."""
_SPOTS = 6


def draw_pattern(person: int, seed: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one (SIDE, SIDE, 3) BGR picture of a "person": spots that are always its own.

    Args:
        person: whose spots.
        seed: of all people; equal seeds and numbers have equal spots.
        rng: of this picture: light, noise, and how everything is shifted and turned.
    """
    own = np.random.default_rng((seed, person))
    places, radii = own.uniform(8, SIDE - 8, (_SPOTS, 2)), own.uniform(3, 8, _SPOTS)
    colours = own.integers(30, 256, (_SPOTS, 3))
    image = np.full((SIDE, SIDE, 3), own.integers(0, 120, 3), np.uint8)
    for place, radius, colour in zip(places, radii, colours, strict=True):
        centre = (round(float(place[0])), round(float(place[1])))
        cv2.circle(image, centre, round(float(radius)), colour.tolist(), -1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.uniform(-8, 8), rng.uniform(0.9, 1.1))
    move = np.asarray(turn, np.float64) + np.array(((0, 0, 1), (0, 0, 1))) * rng.uniform(-3, 3)
    moved = cv2.warpAffine(image, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    lit = moved * rng.uniform(0.7, 1.2) + rng.normal(0, 8, moved.shape)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def write_patterns(folder: Path, people: int, pictures: int, seed: int) -> int:
    """Write a folder of PNG per "person", and return how many pictures.

    Args:
        folder: must not exist, or be empty.
        people: how many; they are called p000, p001, ... with the seed before.
        pictures: of each.
        seed: equal seeds, equal pictures; another seed, other people.

    Raises:
        InputError: the folder holds something.
    """
    with new_folder(folder) as temporary:
        for person in range(people):
            own = temporary / f"s{seed}-p{person:03d}"
            own.mkdir()
            for index in range(pictures):
                rng = np.random.default_rng((seed, person, index))
                write_png(own / f"{index:03d}.png", draw_pattern(person, seed, rng))
    return people * pictures
