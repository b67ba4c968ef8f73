"""From the outputs of a localizer to a box: one decoder for training, export and device.

The network gives, for each picture, three outputs, so that none has to share another's scale when
they become integers: presence, the logit of there being something; box, the logits of the middle
x, middle y, width and height as shares of the input; classes, their logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import BoxDecode
from edgecnn.errors import BundleError
from edgecnn.vision.anchors import Detections
from edgecnn.vision.boxes import clip_boxes, from_centres
from edgecnn.vision.placement import Placement


@dataclass(frozen=True, eq=False)
class Located:
    """What a localizer says of some inputs, whether or not something is there."""

    presence: NDArray[np.float32]
    """(N,) 0..1."""
    boxes: NDArray[np.float32]
    """(N, 4) x1, y1, x2, y2 as shares of the input; may reach beyond it."""
    classes: NDArray[np.int64]
    """(N,) the likeliest."""


def read_locations(outputs: Sequence[NDArray[np.float32]], labels: int) -> Located:
    """Turn outputs into probabilities and boxes.

    Args:
        outputs: presence (N, 1), box (N, 4) and classes (N, labels), all logits.
        labels: number of classes.

    Raises:
        BundleError: the outputs have other shapes.
    """
    shapes = [x.shape for x in outputs]
    rows = shapes[0][0] if shapes and shapes[0] else 0
    if shapes != [(rows, 1), (rows, 4), (rows, labels)]:
        raise BundleError(
            f"expected presence (1, 1), box (1, 4) and classes (1, {labels}), got "
            f"{', '.join(map(str, shapes)) or 'nothing'}: the model does not fit its manifest"
        )
    presence, box, classes = outputs
    return Located(
        _sigmoid(presence)[:, 0], from_centres(_sigmoid(box)), np.asarray(classes.argmax(1))
    )


def decode_location(
    outputs: Sequence[NDArray[np.float32]], rules: BoxDecode, place: Placement
) -> Detections:
    """Decode the outputs for one picture: one box, or none.

    Args:
        outputs: presence (1, 1), box (1, 4) and classes (1, labels).
        rules: of the manifest.
        place: where the picture lies in the input.

    Returns:
        The box with the probability of presence as its score.

    Raises:
        BundleError: the outputs do not fit the rules.
    """
    found = read_locations(outputs, len(rules.labels))
    there = found.presence >= rules.min_presence
    inside = found.boxes[there] * np.array((*place.size, *place.size), np.float32)
    boxes = clip_boxes(place.to_picture(inside), place.picture)
    return Detections(boxes, found.presence[there], found.classes[there])


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    half = np.tanh(logits.astype(np.float64) / 2)  # does not overflow
    return np.asarray(0.5 + 0.5 * half, np.float32)
