"""Non-maximum suppression: of candidates that show the same thing, the best stays.

Wherever candidates are compared, one whose score or place is not a finite number is never given;
one without an area overlaps nothing, and so stays. Of equal scores the earlier counts as the
better. No candidates give none.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression
from edgecnn.vision.boxes import Boxes, box_areas, box_ious, to_sides
from edgecnn.vision.quads import Oriented, Quads, hulls, quad_areas, quad_ious, to_quads, touching

Scores: TypeAlias = NDArray[np.float32]
"""(N,) 0..1."""
Places: TypeAlias = NDArray[np.int64]
"""Indices of candidates, the best first."""
Groups: TypeAlias = NDArray[np.int64]
"""(N,): only candidates of one group are compared."""

_SOFT_SIGMA = 0.5
"""Width of the Gaussian of soft-NMS, as in the paper."""
_BLOCK = 1024
"""Candidates that are compared with each other at once; bounds the memory."""


def select(scores: Scores, min_score: float, top_k: int) -> Places:
    """Return the candidates that are good enough, the best first, at most ``top_k``.

    Of equal scores the earlier comes first. NaN and infinity are never good enough.
    """
    good = np.flatnonzero((scores >= min_score) & (scores < np.inf))
    order = np.argsort(-scores[good], kind="stable")
    return np.asarray(good[order[:top_k]], np.int64)


def nms(boxes: Boxes, scores: Scores, iou: float) -> Places:
    """Suppress boxes whatever their class; OpenCV does the comparing.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou: of two boxes that overlap by more, the better stays.
    """
    return _upright(boxes, scores, np.zeros(len(scores), np.int64), iou)


def rotated_nms(oriented: Oriented, scores: Scores, iou: float) -> Places:
    """Suppress boxes at any angle whatever their class.

    OpenCV's NMSBoxesRotated is not used: it drops any box that lies within another, however small.

    Args:
        oriented: (N, 5), see `edgecnn.vision.quads`.
        scores: (N,).
        iou: as for `nms`, of the turned boxes.
    """
    return _rotated(oriented, scores, np.zeros(len(scores), np.int64), iou)


def soft_nms(boxes: NDArray[np.float32], scores: Scores, min_score: float) -> tuple[Places, Scores]:
    """Lower the scores of overlapping boxes in place of dropping them.

    Bodla et al., "Soft-NMS: improving object detection with one line of code", ICCV 2017, with the
    Gaussian of sigma 0.5.

    Args:
        boxes: (N, 4), or (N, 5) oriented.
        scores: (N,).
        min_score: what falls below is dropped.

    Returns:
        The boxes that are left, the best first, and their lowered scores.
    """
    return _soft(boxes, scores, np.zeros(len(scores), np.int64), min_score)


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
    boxes, scores = boxes[chosen], scores[chosen]
    groups = np.zeros_like(chosen) if rules.across else classes[chosen]
    if rules.soft:
        places, scores = _soft(boxes, scores, groups, rules.min_score)
    else:
        compare = _upright if boxes.shape[1] == 4 else _rotated
        places = compare(boxes, scores, groups, rules.iou)
        scores = scores[places]
    order = np.lexsort((chosen[places], -scores))[: rules.max_found]
    return chosen[places[order]], scores[order]


def _upright(boxes: Boxes, scores: Scores, groups: Groups, iou: float) -> Places:
    """Suppress within each group, the best first."""
    order = _finite(boxes, scores)
    sides, groups = to_sides(boxes[order].astype(np.float64)), groups[order]
    # OpenCV takes two boxes without an area for the same one, wherever they lie, and drops a score
    # of 0. So it gets ranks for scores, and only what has an area.
    solid = box_areas(boxes[order]) > 0
    ranks = np.arange(len(order), 0, -1, dtype=np.float32)
    stays = ~solid
    compare: Any = cv2.dnn.NMSBoxes  # its stubs know lists alone
    for name in np.unique(groups[solid]):
        members = np.flatnonzero(solid & (groups == name))
        kept = compare(sides[members], ranks[members], 0.0, iou)
        stays[members[np.asarray(kept, np.int64).ravel()]] = True
    return order[stays]


def _rotated(oriented: Oriented, scores: Scores, groups: Groups, iou: float) -> Places:
    """Suppress within each group, the best first."""
    order = _finite(oriented, scores)
    quads, groups = to_quads(oriented[order]), groups[order]
    stays = np.ones(len(order), bool)
    for begin in range(0, len(order), _BLOCK):
        block = np.arange(begin, min(begin + _BLOCK, len(order)))
        before = np.flatnonzero(stays[:begin])
        stays[block[_beaten(quads[before], groups[before], quads[block], groups[block], iou)]] = (
            False
        )
        left = block[stays[block]]
        stays[left] = _greedy(quads[left], groups[left], iou)
    return order[stays]


def _beaten(
    better: Quads, better_groups: Groups, others: Quads, groups: Groups, iou: float
) -> NDArray[np.int64]:
    """Return which of the others overlap a better one of their group by more."""
    if not len(better):
        return np.zeros(0, np.int64)
    i, j = touching(hulls(better), hulls(others))
    same = better_groups[i] == groups[j]
    i, j = i[same], j[same]
    return np.asarray(j[quad_ious(better[i], others[j]) > iou])


def _greedy(quads: Quads, groups: Groups, iou: float) -> NDArray[np.bool_]:
    """Return which of quads, the best first, stay.

    In rounds: what has nothing better near it that is undecided stays, and drops what it overlaps.
    This gives what one at a time gives, with a few calls of numpy for many quads.
    """
    boxes = hulls(quads)
    i, j = _pairs(boxes, groups)
    may = _bound(quads, i, j) > iou
    i, j = i[may], j[may]
    undecided, stays = np.ones(len(quads), bool), np.zeros(len(quads), bool)
    while undecided.any():
        free = undecided.copy()
        free[j] = False
        stays |= free
        ask = free[i]
        drop = j[ask][quad_ious(quads[i[ask]], quads[j[ask]]) > iou]
        undecided &= ~free
        undecided[drop] = False
        both = undecided[i] & undecided[j]
        i, j = i[both], j[both]
    return stays


def _bound(quads: Quads, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (P,) what the IoU of each pair is at most: cheaper than itself."""
    boxes, areas = hulls(quads).astype(np.float64), quad_areas(quads)
    first, second = boxes[i], boxes[j]
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    common = np.minimum(sides[:, 0] * sides[:, 1], np.minimum(areas[i], areas[j]))
    union = areas[i] + areas[j] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=common > 0))


def _soft(
    boxes: NDArray[np.float32], scores: Scores, groups: Groups, min_score: float
) -> tuple[Places, Scores]:
    """Lower the scores within each group; the best first."""
    order = _finite(boxes, scores)
    i, j, ious = _overlapping(boxes[order], groups[order])
    # Each pair stands under both, so that what overlaps one box lies together.
    by_first = np.argsort(np.concatenate((i, j)), kind="stable")
    others = np.concatenate((j, i))[by_first]
    factors = np.exp(-(np.concatenate((ious, ious))[by_first] ** 2) / _SOFT_SIGMA)
    ends = np.cumsum(np.bincount(np.concatenate((i, j)), minlength=len(order))).tolist()
    current = scores[order].astype(np.float64)
    kept, values = [], []
    for _ in range(len(order)):
        best = int(current.argmax())
        if not current[best] >= min_score:
            break
        kept.append(best)
        values.append(current[best])
        mine = slice(ends[best - 1] if best else 0, ends[best])
        current[others[mine]] *= factors[mine]
        current[best] = -np.inf
    return order[np.array(kept, np.int64)], np.array(values, np.float32)


def _overlapping(
    boxes: NDArray[np.float32], groups: Groups
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the pairs of boxes, upright or oriented, that may overlap, and by how much."""
    if boxes.shape[1] == 4:
        i, j = _pairs(boxes, groups)
        return i, j, box_ious(boxes[i], boxes[j])
    quads = to_quads(boxes)
    i, j = _pairs(hulls(quads), groups)
    return i, j, quad_ious(quads[i], quads[j])


def _pairs(boxes: Boxes, groups: Groups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs i < j of one group that share an area."""
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name in np.unique(groups):
        members = np.flatnonzero(groups == name)
        i, j = touching(boxes[members], boxes[members])
        once = i < j
        first.append(members[i[once]])
        second.append(members[j[once]])
    return np.concatenate(first), np.concatenate(second)


def _finite(boxes: NDArray[np.float32], scores: Scores) -> Places:
    """Return the candidates that are numbers, the best first."""
    finite = np.flatnonzero(np.isfinite(boxes).all(1) & np.isfinite(scores))
    return np.asarray(finite[np.argsort(-scores[finite], kind="stable")], np.int64)
