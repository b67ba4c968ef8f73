"""Generated heads with five known points: to try landmarks without any download or person."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.write import write_png
from edgecnn.files import new_folder

POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Of the head's own sides: its right eye is at the left of an upright picture."""
SIDE = 64
"""Pixels."""
PATCHED = 0.3
"""Share of the heads with a patch over one point, which hides it."""

_PLACES = np.array(((-0.4, -0.25), (0.4, -0.25), (0.0, 0.1), (-0.3, 0.45), (0.3, 0.45)))
"""Of the points in a head, in halves of its height about its middle."""
_SHARPNESS = 4
"""Bits behind the point of the coordinates that OpenCV draws with."""
Image = NDArray[np.uint8]


def draw_head(rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
    """Return one (SIDE, SIDE, 3) BGR picture and its (5, 3) landmarks.

    A head of random place, size, turn, slant and colours, with eyes, nose and mouth corners; x, y
    in pixels (x = i is the middle of pixel i) and 1, or three zeros where the point is outside the
    picture or under a patch.
    """
    dark = rng.integers(0, 90, 3)
    image = np.clip(dark + rng.normal(0, 8, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    radius, degrees = rng.uniform(16, 26), rng.uniform(-30, 30)
    middle = rng.uniform(SIDE * 0.36, SIDE * 0.64, 2)
    places = paint_head(image, middle, radius, degrees, rng)
    seen = np.asarray(((places >= -0.5) & (places < SIDE - 0.5)).all(1))
    if rng.random() < PATCHED:
        hidden = int(rng.integers(len(POINTS)))
        _disc(image, places[hidden], 0.22 * radius, tuple(rng.integers(0, 256, 3).tolist()))
        seen &= np.linalg.norm(places - places[hidden], axis=1) > 0.22 * radius
    marks = np.column_stack((places, seen)) * seen[:, None]
    return image, marks.astype(np.float32)


def paint_head(
    image: Image, middle: NDArray[np.float64], radius: float, degrees: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Paint a head into a picture, and return its (5, 2) points; x = i is the middle of pixel i.

    Args:
        image: (H, W, 3) BGR, is written to.
        middle: (2,) of the head.
        radius: half its height, pixels.
        degrees: its turn, clockwise.
        rng: the source of every choice.
    """
    angle = math.radians(degrees)
    cos, sin = radius * math.cos(angle), radius * math.sin(angle)
    turn = np.array(((cos, -sin), (sin, cos)))
    jitter = rng.uniform(-0.05, 0.05, _PLACES.shape)
    jitter[:, 0] += rng.uniform(-0.1, 0.1)  # the head looks to a side
    places = np.asarray((_PLACES + jitter) @ turn.T + middle)
    _paint(image, middle, places, radius, degrees, rng)
    return places


def _paint(
    image: Image, middle: NDArray[np.float64], places: NDArray[np.float64], radius: float,
    degrees: float, rng: np.random.Generator,
) -> None:  # fmt: skip
    skin = rng.integers(120, 230, 3)
    axes = (_fixed(0.78 * radius), _fixed(radius))
    centre = (_fixed(middle[0]), _fixed(middle[1]))
    cv2.ellipse(image, centre, axes, degrees, 0, 360, tuple(skin.tolist()), -1, cv2.LINE_AA,
                _SHARPNESS)  # fmt: skip
    eye, nose = tuple(rng.integers(0, 60, 3).tolist()), tuple((skin * 0.7).astype(int).tolist())
    for point in places[:2]:
        _disc(image, point, 0.11 * radius, eye)
    _disc(image, places[2], 0.12 * radius, nose)
    mouth = (int(rng.integers(0, 70)), int(rng.integers(0, 70)), int(rng.integers(90, 200)))
    ends = [(_fixed(x), _fixed(y)) for x, y in places[3:]]
    cv2.line(image, ends[0], ends[1], mouth, max(2, round(0.1 * radius)), cv2.LINE_AA, _SHARPNESS)


def _disc(image: Image, point: NDArray[np.float64], radius: float, colour: tuple[int, ...]) -> None:
    centre = (_fixed(point[0]), _fixed(point[1]))
    cv2.circle(image, centre, _fixed(radius), colour, -1, cv2.LINE_AA, _SHARPNESS)


def _fixed(value: float) -> int:
    return round(float(value) * (1 << _SHARPNESS))


def write_heads(folder: Path, number: int, seed: int) -> int:
    """Write ``number`` pictures (PNG) with a COCO keypoints json, and return how many.

    Args:
        folder: must not exist, or be empty; gets ``images/`` and ``labels.json``.
        number: how many.
        seed: equal seeds, equal pictures.

    Raises:
        InputError: the folder holds something.
    """
    images: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    with new_folder(folder) as temporary:
        (temporary / "images").mkdir()
        for index in range(number):
            image, marks = draw_head(np.random.default_rng((seed, index)))
            name, given = f"{index:05d}.png", index + 1
            write_png(temporary / "images" / name, image)
            images.append({"id": given, "file_name": name, "width": SIDE, "height": SIDE})
            rows = [(round(x, 3), round(y, 3), 2 * int(seen)) for x, y, seen in marks.tolist()]
            flat = [value for row in rows for value in row]
            labels.append({"id": given, "image_id": given, "category_id": 1,
                           "bbox": [0, 0, SIDE, SIDE], "keypoints": flat,
                           "num_keypoints": int(marks[:, 2].sum())})  # fmt: skip
        category = {"id": 1, "name": "head", "keypoints": list(POINTS), "skeleton": []}
        content = {"images": images, "annotations": labels, "categories": [category]}
        (temporary / "labels.json").write_text(json.dumps(content), encoding="utf-8")
    return number
