"""A sheet of four pictures, to be cut from: more scenes, and things cut by edges.

Bochkovskiy et al., "YOLOv4: Optimal Speed and Accuracy of Object Detection", 2020, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.picture import LabelledPicture
from edgecnn.vision.quads import box_quads


def make_sheet(pictures: Sequence[LabelledPicture]) -> LabelledPicture:
    """Put four pictures together, two by two, each stretched to the size of the first.

    Args:
        pictures: four, with boxes, and points of boxes in all or none; landmarks are left out.
    """
    height, width = pictures[0].image.shape[:2]
    places = [(x, y) for y in (0, height) for x in (0, width)]
    channels = pictures[0].image.shape[2:]
    sheet = np.empty((2 * height, 2 * width, *channels), np.uint8)
    quads, labels, points = [], [], []
    for picture, (x, y) in zip(pictures, places, strict=True):
        sheet[y : y + height, x : x + width] = _stretched(picture.image, width, height)
        scale = np.array((width / picture.image.shape[1], height / picture.image.shape[0]))
        corners = box_quads(picture.boxes) if picture.quads is None else picture.quads
        quads.append(corners * scale + (x, y))
        labels.append(picture.box_labels)
        if picture.box_points is not None:
            points.append(_moved(picture.box_points, scale, (x, y)))
    joined = np.concatenate(quads).astype(np.float32)
    boxes = np.concatenate((joined.min(1), joined.max(1)), axis=1)
    turned = any(picture.quads is not None for picture in pictures)
    return LabelledPicture(
        sheet, boxes, np.concatenate(labels), quads=joined if turned else None,
        box_points=np.concatenate(points) if points else None,
    )  # fmt: skip


def _moved(
    points: NDArray[np.float32], scale: NDArray[np.float64], corner: tuple[int, int]
) -> NDArray[np.float32]:
    # A point counts from the middle of a pixel, a sheet from its edge.
    out = points.copy()
    out[..., :2] = (points[..., :2] + 0.5) * scale + corner - 0.5
    return out


def _stretched(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
