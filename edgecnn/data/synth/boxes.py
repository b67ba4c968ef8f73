"""Generated pictures of several shapes with their boxes: to try a detector without any download."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.shapes import CLASSES
from edgecnn.data.synth.write import write_png
from edgecnn.files import new_folder
from edgecnn.vision.quads import hulls, to_quads

LABELS = "_annotations.coco.json"
_TRIES = 20
"""Places that are tried for a shape before it is left out: shapes stand apart."""
_MARKED = 0.25
"""Share of an oriented shape's height, from its own top, that is dimmed."""


@dataclass(frozen=True)
class BoxesOptions:
    """What is in a picture."""

    side: int = 96
    """Pixels."""
    most: int = 4
    """Shapes in a picture: 0 to so many, each number equally often."""
    oriented: bool = False
    """Shapes lie at any angle; their top is dimmer, so that one sees which way up they are."""


@dataclass(frozen=True, eq=False)
class DrawnBoxes:
    """A picture with what is in it."""

    image: NDArray[np.uint8]
    """(side, side, 3) BGR."""
    labels: tuple[int, ...]
    """Indices into the classes of shapes, one per shape."""
    oriented: NDArray[np.float32]
    """(N, 5) cx, cy, width, height, angle, as `edgecnn.vision.quads` states; angle 0 if upright."""


def draw_boxes(options: BoxesOptions, rng: np.random.Generator) -> DrawnBoxes:
    """Draw a picture of shapes that stand apart, each whole inside it."""
    side = options.side
    image = rng.integers(0, 90, 3) + rng.normal(0, 12, (side, side, 3))
    labels: list[int] = []
    shapes: list[NDArray[np.float32]] = []
    for _ in range(int(rng.integers(0, options.most + 1))):
        label = int(rng.integers(len(CLASSES)))
        colour = rng.uniform(120, 256, 3)
        shape = _draw_place(options, CLASSES[label], shapes, rng)
        if shape is not None:
            _paint(image, CLASSES[label], shape, colour, options.oriented)
            labels.append(label)
            shapes.append(shape)
    return DrawnBoxes(
        np.clip(image, 0, 255).astype(np.uint8), tuple(labels), np.array(shapes, np.float32)
        .reshape(-1, 5),
    )  # fmt: skip


def _draw_place(
    options: BoxesOptions, kind: str, others: list[NDArray[np.float32]], rng: np.random.Generator
) -> NDArray[np.float32] | None:
    """Return (5,) of a shape whose upright box is inside the picture and touches no other's."""
    side = options.side
    taken = hulls(to_quads(np.array(others, np.float32).reshape(-1, 5)))
    for _ in range(_TRIES):
        long = rng.uniform(side / 6, side / 2.5)
        size = (long, long / 4) if kind == "bar" else (long, long)
        angle = rng.uniform(-np.pi, np.pi) if options.oriented else 0.0
        if not options.oriented and rng.random() < 0.5:
            size = size[::-1]
        shape = np.array((*rng.uniform(0, side, 2), *size, angle), np.float32)
        box = hulls(to_quads(shape[None]))[0]
        apart = (box[:2] >= taken[:, 2:]) | (box[2:] <= taken[:, :2])
        if box.min() >= 0 and box.max() <= side and apart.any(1).all():
            return shape
    return None


def _paint(
    image: NDArray[np.float64], kind: str, shape: NDArray[np.float32], colour: NDArray[np.float64],
    marked: bool,
) -> None:  # fmt: skip
    """Blend a shape in; its edge is as soft as a pixel is wide, so that its box is exact."""
    cx, cy, width, height, angle = shape.tolist()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    cos, sin = np.cos(angle), np.sin(angle)
    across, down = cos * (x - cx) + sin * (y - cy), cos * (y - cy) - sin * (x - cx)
    if kind in ("disc", "ring"):
        far = np.hypot(across, down) - width / 2  # pixels outside the edge
        if kind == "ring":
            far = np.maximum(far, -far - width / 6)
    else:
        far = np.maximum(np.abs(across) - width / 2, np.abs(down) - height / 2)
    cover = np.clip(0.5 - far, 0, 1)[..., None]
    top = marked & (down < (_MARKED - 0.5) * height)
    image += cover * (np.where(top[..., None], 0.6, 1.0) * colour - image)


def write_boxes(folder: Path, number: int, seed: int, options: BoxesOptions) -> int:
    """Write ``number`` pictures (PNG) and a COCO json, and return how many.

    Args:
        folder: must not exist, or be empty.
        number: how many.
        seed: equal seeds, equal pictures.
        options: what they show; oriented shapes get their corners as ``segmentation``, from the
            shape's own top-left one clockwise.

    Raises:
        InputError: the folder holds something.
    """
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    with new_folder(folder) as temporary:
        for index in range(number):
            drawn = draw_boxes(options, np.random.default_rng((seed, index)))
            name = f"{index:05d}.png"
            write_png(temporary / name, drawn.image)
            images.append({"id": index, "file_name": name, "width": options.side,
                           "height": options.side})  # fmt: skip
            annotations += _annotations(drawn, index, len(annotations), options.oriented)
        content = {"images": images, "annotations": annotations,
                   "categories": [{"id": i, "name": c} for i, c in enumerate(CLASSES)]}  # fmt: skip
        (temporary / LABELS).write_text(json.dumps(content) + "\n", encoding="utf-8")
    return number


def _annotations(
    drawn: DrawnBoxes, image: int, first: int, oriented: bool
) -> list[dict[str, object]]:
    quads = to_quads(drawn.oriented)
    found = []
    for number, (label, quad) in enumerate(zip(drawn.labels, quads, strict=True)):
        (x1, y1), (x2, y2) = quad.min(0).tolist(), quad.max(0).tolist()
        width, height = drawn.oriented[number, 2:4].tolist()
        corners = {"segmentation": [quad.ravel().tolist()]} if oriented else {}
        found.append({"id": first + number, "image_id": image, "category_id": label,
                      "bbox": [x1, y1, x2 - x1, y2 - y1], "area": width * height, "iscrowd": 0,
                      **corners})  # fmt: skip
    return found
