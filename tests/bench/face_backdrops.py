"""What is behind and beside the faces of face_scenes.py, and is none: generated and photographed.

Generated desks, patterns and banknotes (whose abstract portraits are no faces), blank heads, and
photographs without people from the other sets of the data folder: animals, vehicles, hands and
blood cells, as well as what stands beside the one face of a portrait.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from face_teacher import Image, Portrait, decode

from edgecnn.data.synth.backgrounds import FAMILIES, paint
from edgecnn.data.synth.notes.desks import DESKS
from edgecnn.data.synth.notes.scene import SceneGenerator
from edgecnn.data.synth.notes.write import default_notes

Rng = np.random.Generator
_SETS = ("cifar10_jpg/cifar10_jpg_5000.tar", "sign_digits/sign_digits_500.tar", "bccd/bccd.tar")
_ALONE = ("bird.bmp", "cat_720p.jpg", "owl.jpg", "parrot.jpg", "pets.jpg")
"""Of coral_test_data, for training alone: there are few."""
_HELD_BACK = 51
"""Of 256: the share of these photographs that does not train."""
_STOCK = 150
"""Generated pictures of each kind that are drawn, to be cut from."""
_LEAST = 24
"""Pixels of a side: what is smaller shows nothing."""


class Backdrops:
    """Draws pictures without faces, of one split."""

    def __init__(self, data: Path, portraits: Sequence[Portrait], train: bool, seed: int) -> None:
        self._things = {name: _read(data / name, train) for name in _SETS}
        alone = [cv2.imread(str(data / "coral_test_data" / name)) for name in _ALONE if train]
        self._things |= {"alone": [np.asarray(x, np.uint8) for x in alone]} if train else {}
        self._portraits = portraits
        self._drawn = _draw(seed)

    def backdrop(self, width: int, height: int, rng: Rng) -> Image:
        """Return (height, width, 3) BGR; one in four is two side by side."""
        picture = self._one(width, height, rng)
        if rng.random() < 0.25:
            edge = int(rng.integers(width // 5, width * 4 // 5))
            picture[:, edge:] = self._one(width, height, rng)[:, edge:]
        return picture

    def distractor(self, rng: Rng) -> Image:
        """Return a small picture of something else."""
        side = int(rng.integers(32, 160))
        kind = rng.random()
        if kind < 0.3:
            return self._beside(rng)
        return self._thing(rng) if kind < 0.8 else _blank_head(side, rng)

    def _one(self, width: int, height: int, rng: Rng) -> Image:
        kind = rng.random()
        if kind < 0.3:
            return _fit(self._thing(rng), width, height, rng)
        if kind < 0.5:
            return _fit(self._beside(rng), width, height, rng)
        return _fit(self._drawn[int(rng.integers(len(self._drawn)))], width, height, rng)

    def _thing(self, rng: Rng) -> Image:
        some = list(self._things.values())[int(rng.integers(len(self._things)))]
        return some[int(rng.integers(len(some)))]

    def _beside(self, rng: Rng) -> Image:
        """Return what stands left, right or below of a face."""
        for _ in range(20):
            one = self._portraits[int(rng.integers(len(self._portraits)))]
            height, width = one.picture.shape[:2]
            x1, _, x2, y2 = one.box
            margin = 0.15 * (x2 - x1)
            left, right, low = int(x1 - margin), int(x2 + margin), int(y2 + margin)
            parts = (one.picture[:, : max(0, left)], one.picture[:, min(width, right) :],
                     one.picture[min(height, low) :])  # fmt: skip
            part = parts[int(rng.integers(3))]
            if min(part.shape[:2]) >= _LEAST:
                return part
        return self._thing(rng)


def _draw(seed: int) -> list[Image]:
    """Draw a stock of notes, desks and patterns: drawn anew they would take most of the time."""
    notes = SceneGenerator(default_notes(), seed)
    pictures = [notes(index).image for index in range(_STOCK)]
    for index in range(_STOCK):
        rng = np.random.default_rng((seed, index))
        desk = list(DESKS.values())[index % len(DESKS)](360, 480, rng)
        colour = rng.uniform(0, 255, 3).astype(np.float32)
        paper = paint(360, 480, tuple(FAMILIES), (5, 90), colour, rng)
        pictures += [np.clip(x, 0, 255).astype(np.uint8) for x in (desk, paper)]
    return pictures


def _read(archive: Path, train: bool) -> list[Image]:
    pictures = []
    with tarfile.open(archive) as tar:
        for member in tar:
            held = hashlib.sha256(member.name.encode()).digest()[0] < _HELD_BACK
            if member.name.lower().endswith((".jpg", ".png")) and held != train:
                file = tar.extractfile(member)
                assert file is not None
                pictures.append(decode(file.read()))
    return pictures


def _fit(picture: Image, width: int, height: int, rng: Rng) -> Image:
    """Cut a part of the picture out, and enlarge it to a size."""
    tall, wide = picture.shape[:2]
    share = rng.uniform(0.5, 1.0)
    across = max(2, int(share * min(wide, tall * width / height)))
    down = max(2, min(tall, round(across * height / width)))
    x, y = int(rng.integers(0, wide - across + 1)), int(rng.integers(0, tall - down + 1))
    part = picture[y : y + down, x : x + across]
    smooth = cv2.INTER_AREA if across > width else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (width, height), interpolation=smooth), np.uint8)


def _blank_head(side: int, rng: Rng) -> Image:
    """Return a head of skin and hair without anything in it."""
    image = np.empty((side, side, 3), np.float32)
    image[:] = rng.uniform(0, 255, 3)
    skin = np.array((0.62, 0.75, 1.0)) * rng.uniform(70, 250) + rng.normal(0, 10, 3)
    middle, axes = (side // 2, side // 2), (int(side * 0.32), int(side * 0.42))
    if rng.random() < 0.6:
        hair = np.full(3, rng.uniform(5, 90)) + rng.uniform(0, 30, 3)
        up = (side // 2, int(side * 0.4))
        cv2.ellipse(image, up, (int(side * 0.38), int(side * 0.4)), 0, 0, 360, hair.tolist(), -1)
    cv2.ellipse(image, middle, axes, rng.uniform(-30, 30), 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    shade = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), side, dtype=np.float32)
    smooth = cv2.GaussianBlur(image * shade[None, :, None], (0, 0), rng.uniform(0.5, 3))
    return np.clip(smooth + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
