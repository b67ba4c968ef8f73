"""Non-maximum suppression: of candidates that show the same thing, the best stays.

OpenCV does the comparing. A candidate whose score or place is not a number is never given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Suppression
from edgecnn.vision.boxes import Boxes, iou_matrix, to_sides
from edgecnn.vision.quads import Oriented

Scores: TypeAlias = NDArray[np.float32]
"""(N,) 0..1."""
Places: TypeAlias = NDArray[np.int64]
"""Indices of candidates, the best first."""

_SOFT_SIGMA = 0.5
"""Width of the Gaussian of soft-NMS, as in the paper."""


def select(scores: Scores, min_score: float, top_k: int) -> Places:
    """Return the candidates that are good enough, the best first, at most ``top_k``.

    Of equal scores the earlier comes first. NaN is never good enough.
    """
    good = np.flatnonzero(scores >= min_score)
    order = np.argsort(-scores[good], kind="stable")
    return np.asarray(good[order[:top_k]], np.int64)


def nms(boxes: Boxes, scores: Scores, iou: float) -> Places:
    """Suppress boxes whatever their class.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou: of two boxes that overlap by more, the better stays.
    """

    def compare(boxes: NDArray[np.float32], scores: Scores) -> object:
        sides: Any = to_sides(boxes).astype(np.float64)  # OpenCV's stubs know lists alone
        return cv2.dnn.NMSBoxes(sides, scores.tolist(), 0.0, iou)

    return _finite_only(boxes, scores, compare)


def rotated_nms(oriented: Oriented, scores: Scores, iou: float) -> Places:
    """Suppress boxes at any angle whatever their class.

    Args:
        oriented: (N, 5), see `edgecnn.vision.quads`.
        scores: (N,).
        iou: as for `nms`, of the turned boxes.
    """

    def compare(boxes: NDArray[np.float32], scores: Scores) -> object:
        turned = [
            ((float(x), float(y)), (float(w), float(h)), float(np.degrees(angle)))
            for x, y, w, h, angle in boxes
        ]
        return cv2.dnn.NMSBoxesRotated(turned, scores.tolist(), 0.0, iou)

    return _finite_only(oriented, scores, compare)


def soft_nms(boxes: Boxes, scores: Scores, min_score: float) -> tuple[Places, Scores]:
    """Lower the scores of overlapping boxes in place of dropping them.

    Bodla et al., "Soft-NMS: improving object detection with one line of code", ICCV 2017, with the
    Gaussian of sigma 0.5.

    Args:
        boxes: (N, 4).
        scores: (N,).
        min_score: what falls below is dropped.

    Returns:
        The boxes that are left, the best first, and their lowered scores.
    """
    finite = np.isfinite(boxes).all(1) & np.isfinite(scores)
    left = np.flatnonzero(finite)
    current = scores.astype(np.float64)
    overlaps = iou_matrix(boxes, boxes).astype(np.float64)
    kept: list[int] = []
    while len(left):
        best = left[np.argmax(current[left])]
        if current[best] < min_score:
            break
        kept.append(int(best))
        left = left[left != best]
        current[left] *= np.exp(-(overlaps[best, left] ** 2) / _SOFT_SIGMA)
    places = np.array(kept, np.int64)
    return places, current[places].astype(np.float32)


def suppress(
    boxes: NDArray[np.float32], scores: Scores, classes: NDArray[np.int64], rules: Suppression
) -> tuple[Places, Scores]:
    """Apply all the rules of a manifest: score, top-k, suppression by class or across, count.

    Args:
        boxes: (N, 4) upright or (N, 5) oriented.
        scores: (N,).
        classes: (N,) class of each.
        rules: of the manifest.

    Returns:
        The candidates that are given, the best first, and their scores.
    """
    chosen = select(scores, rules.min_score, rules.top_k)
    groups = [chosen]
    if not rules.across:
        groups = [chosen[classes[chosen] == name] for name in np.unique(classes[chosen])]
    kept, values = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for group in groups:
        places, lowered = _suppress_group(boxes[group], scores[group], rules)
        kept.append(group[places])
        values.append(lowered)
    places, lowered = np.concatenate(kept), np.concatenate(values)
    order = np.argsort(-lowered, kind="stable")[: rules.max_found]
    return places[order], lowered[order]


def _suppress_group(
    boxes: NDArray[np.float32], scores: Scores, rules: Suppression
) -> tuple[Places, Scores]:
    if rules.soft and boxes.shape[1] == 4:
        return soft_nms(boxes, scores, rules.min_score)
    compare = nms if boxes.shape[1] == 4 else rotated_nms
    places = compare(boxes, scores, rules.iou)
    return places, scores[places]


def _finite_only(
    boxes: NDArray[np.float32], scores: Scores,
    compare: Callable[[NDArray[np.float32], Scores], object],
) -> Places:  # fmt: skip
    finite = np.flatnonzero(np.isfinite(boxes).all(1) & np.isfinite(scores))
    if not len(finite):
        return np.zeros(0, np.int64)
    kept = np.asarray(compare(boxes[finite], scores[finite].astype(np.float32)), np.int64)
    return np.asarray(finite[kept.ravel()], np.int64)
