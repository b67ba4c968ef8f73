"""From a classifier's scores at many windows of a picture to boxes, on host and device.

Each window shows its likeliest class; those that show background are dropped, and of overlapping
ones that show the same, non-maximum suppression keeps the best.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression, WindowsDecode
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.anchors import Detections
from edgecnn.vision.boxes import Boxes, box_areas, clip_boxes
from edgecnn.vision.classes import class_scores
from edgecnn.vision.nms import suppress
from edgecnn.vision.placement import Placement, Size

SUPPRESSION = Suppression(min_score=0.5, iou=0.3)
"""Of windows, which have one size: a score of half, since a classifier always names something, and
little overlap, since neighbours share most of what they see."""
LEAST_SHOWN = 0.5
"""Share of a window, or of the picture where that is smaller, that must lie in the picture."""


def decode_windows(
    outputs: Sequence[NDArray[np.float32]], rules: WindowsDecode, place: Placement
) -> Detections:
    """Decode the score map of a convolutional classifier for one picture.

    Args:
        outputs: one, (1, outputs of the classifier, rows, columns), as logits.
        rules: of the manifest.
        place: where the picture lies in the input.

    Raises:
        BundleError: the output does not fit the rules.
    """
    expected = 1 if rules.activation == "sigmoid" else len(rules.labels)
    shapes = [x.shape for x in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][:2] != (1, expected):
        raise BundleError(
            f"expected one output (1, {expected}, rows, columns), got "
            f"{', '.join(map(str, shapes))}: the model does not fit its manifest"
        )
    scores = outputs[0][0]
    y, x = np.mgrid[: scores.shape[1], : scores.shape[2]]
    corners = np.stack((x, y), -1).reshape(-1, 2) * rules.stride[::-1]
    boxes = place.to_picture(window_boxes(corners, (rules.window[1], rules.window[0])))
    return best_windows(scores.reshape(expected, -1).T, boxes, rules, place.picture)


def window_boxes(corners: NDArray[np.int64], size: Size) -> Boxes:
    """Return windows of one size as boxes.

    Args:
        corners: (N, 2) x, y of their top left.
        size: their width and height.
    """
    return np.concatenate((corners, corners + np.asarray(size)), 1).astype(np.float32)


def best_windows(
    logits: NDArray[np.float32], boxes: Boxes, rules: WindowsDecode, size: Size
) -> Detections:
    """Choose the windows that show something.

    Args:
        logits: (N, outputs of the classifier).
        boxes: (N, 4) the windows in pixels of the picture. What lies outside is cut off, and a
            window that hardly shows the picture is left out.
        rules: classes, background and suppression.
        size: of the picture.
    """
    scores = class_scores(logits, rules.activation)
    classes = scores.argmax(1)
    possible = np.minimum(boxes[:, 2:] - boxes[:, :2], size).prod(1)
    boxes = clip_boxes(boxes, size)
    background = np.isin(rules.labels, rules.background)
    seen = box_areas(boxes) >= LEAST_SHOWN * possible
    shown = np.flatnonzero(~background[classes] & seen)
    boxes, classes = boxes[shown], classes[shown]
    places, values = suppress(boxes, scores[shown, classes], classes, rules.suppression)
    return Detections(boxes[places], values, classes[places])


def check_background(background: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a background class that the classifier does not know.

    Raises:
        InputError: the message names the nearest label, or some of them.
    """
    for name in background:
        if name not in labels:
            near = difflib.get_close_matches(name, labels, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected such as {labels[0]!r}"
            raise InputError(f"no class {name!r} to take for background: {hint}")
