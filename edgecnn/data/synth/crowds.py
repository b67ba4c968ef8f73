"""Generated scenes of heads with boxes and points: for a detector, without download or person."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.heads import POINTS, Image, paint_head
from edgecnn.data.synth.write import write_png
from edgecnn.files import new_folder

LABELS = "_annotations.coco.json"
_TRIES = 20
"""Places that are tried for a head before it is left out: heads stand apart."""


def draw_crowd(
    side: int, most: int, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """Return a (side, side, 3) BGR picture of 0 to ``most`` whole heads that stand apart.

    Returns:
        The picture, (N, 4) boxes x1, y1, x2, y2 and (N, 5, 2) points, x = i the middle of pixel i.
    """
    dark = rng.integers(0, 90, 3)
    image = np.clip(dark + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)
    boxes: list[NDArray[np.float64]] = []
    points: list[NDArray[np.float64]] = []
    for _ in range(int(rng.integers(0, most + 1))):
        for _ in range(_TRIES):
            radius, degrees = rng.uniform(side / 10, side / 4), rng.uniform(-30, 30)
            middle = rng.uniform(radius, side - radius, 2)
            box = _box(middle, radius, math.radians(degrees))
            apart = [(box[:2] >= other[2:]) | (box[2:] <= other[:2]) for other in boxes]
            if all(gap.any() for gap in apart):
                boxes.append(box)
                points.append(paint_head(image, middle, radius, degrees, rng))
                break
    return image, np.array(boxes, np.float32).reshape(-1, 4), np.array(
        points, np.float32
    ).reshape(-1, len(POINTS), 2)  # fmt: skip


def _box(middle: NDArray[np.float64], radius: float, angle: float) -> NDArray[np.float64]:
    """Return the upright box around a head's ellipse; pixel i reaches from i to i + 1."""
    across, along = 0.78 * radius, radius
    half = np.hypot(
        (across * math.cos(angle), across * math.sin(angle)),
        (along * math.sin(angle), along * math.cos(angle)),
    )
    return np.concatenate((middle - half, middle + half)) + 0.5


def write_crowds(folder: Path, number: int, seed: int, side: int = 96, most: int = 3) -> int:
    """Write ``number`` pictures (PNG) with a COCO keypoints json, and return how many.

    Args:
        folder: must not exist, or be empty.
        number: how many.
        seed: equal seeds, equal pictures.
        side: of a picture, pixels.
        most: a picture shows 0 to so many heads.

    Raises:
        InputError: the folder holds something.
    """
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    with new_folder(folder) as temporary:
        for index in range(number):
            image, boxes, points = draw_crowd(side, most, np.random.default_rng((seed, index)))
            name = f"{index:05d}.png"
            write_png(temporary / name, image)
            images.append({"id": index, "file_name": name, "width": side, "height": side})
            for (x1, y1, x2, y2), marks in zip(boxes.tolist(), points.tolist(), strict=True):
                annotations.append({
                    "id": len(annotations), "image_id": index, "category_id": 1, "iscrowd": 0,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
                    "keypoints": [v for x, y in marks for v in (x, y, 2)],
                    "num_keypoints": len(POINTS),
                })  # fmt: skip
        category = {"id": 1, "name": "head", "keypoints": list(POINTS), "skeleton": []}
        content = {"images": images, "annotations": annotations, "categories": [category]}
        (temporary / LABELS).write_text(json.dumps(content) + "\n", encoding="utf-8")
    return number
