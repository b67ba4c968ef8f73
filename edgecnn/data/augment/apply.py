"""Augments one picture with its labels."""

from __future__ import annotations

import numpy as np

from edgecnn.data.augment.colour import shift_colours
from edgecnn.data.augment.erase import erase
from edgecnn.data.augment.geometry import draw_geometry
from edgecnn.data.augment.labels import move_boxes, move_landmarks, move_quads
from edgecnn.data.augment.options import AugmentOptions
from edgecnn.data.augment.picture import LabelledPicture
from edgecnn.data.augment.resample import move_pixels


def augment(
    picture: LabelledPicture, options: AugmentOptions, rng: np.random.Generator,
    size: tuple[int, int] | None = None,
) -> LabelledPicture:  # fmt: skip
    """Return a randomly changed picture with its boxes and landmarks; equal seeds, equal bytes.

    Args:
        picture: what is there; it is not written to, but where nothing changes its arrays may be
            handed on.
        options: the ranges to draw from.
        rng: the source of chance.
        size: height and width of the output; by default those of the picture.

    Raises:
        DataError: `mirror_pairs` names a landmark that the picture does not have.
    """
    height, width = picture.image.shape[:2]
    geometry = draw_geometry(options, (height, width), size or (height, width), rng)
    image = move_pixels(picture.image, geometry, options.border)
    image = erase(shift_colours(image, options, rng), options, rng)
    quads = None
    if picture.quads is None:
        boxes, kept = move_boxes(picture.boxes, geometry, options.min_visible)
    else:
        quads, boxes, kept = move_quads(picture.quads, geometry, options.min_visible)
    landmarks = move_landmarks(picture.landmarks, geometry, options.mirror_pairs)
    points = picture.box_points
    if points is not None:
        points = move_landmarks(points[kept], geometry, options.mirror_pairs)
    return LabelledPicture(image, boxes, picture.box_labels[kept], landmarks, quads, points)
