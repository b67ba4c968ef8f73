"""From the outputs of an anchor-based detector to boxes: one decoder for training, export, device.

Each cell of each level holds one place per anchor. A place gives scores, as logits, and a box
relative to its anchor: (dx, dy, dw, dh) with

    middle = middle of the cell + (dx, dy) x anchor size,    size = anchor size x exp(dw, dh),

the parametrization of Ren et al., "Faster R-CNN", NeurIPS 2015. An oriented box has four numbers
more: cosine and sine of its turn, then cosine and sine of twice its turn, each pair of any length.
The second pair gives the axis, and the first says only which of its two directions is meant: of a
thing that looks much the same upside down the axis is easy to see and the direction is not, and
one pair for both would learn neither (the mean of two opposite directions is none).

A box with points has two numbers more for each: its offset from the middle of the cell in units of
the anchor's size, as Deng et al., "RetinaFace", CVPR 2020, and Wu et al., "YuNet", 2023, have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.errors import BundleError
from edgecnn.vision.boxes import Boxes, clip_boxes, from_centres
from edgecnn.vision.nms import suppress
from edgecnn.vision.placement import Placement
from edgecnn.vision.quads import Quads, hulls, to_quads

MAX_LOG_SIZE = 4.0
"""Sizes are limited to e**4 = 55 times their anchor's and its inverse: no overflow."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in one picture, the best first."""

    boxes: Boxes
    """(N, 4) in pixels of the picture, inside it."""
    scores: NDArray[np.float32]
    """(N,) 0..1."""
    classes: NDArray[np.int64]
    """(N,)."""
    quads: Quads | None = None
    """(N, 4, 2) where boxes are oriented; corners may lie outside the picture."""
    points: NDArray[np.float32] | None = None
    """(N, K, 2) in pixels of the picture where boxes have points, which may lie outside it; x = i
    is the middle of pixel i."""


@lru_cache(maxsize=8)
def anchor_grid(rules: AnchorsDecode, width: int, height: int) -> NDArray[np.float32]:
    """Return (places, 4) middle x, y, width, height of every anchor, in pixels of the input.

    Level by level, row by row, cell by cell, the anchors of a cell side by side; read-only.

    Args:
        rules: strides and anchors.
        width: of the input; what is left of a stride at the edge is a cell too.
        height: of the input, likewise.
    """
    levels = []
    for stride, anchors in zip(rules.strides, rules.anchors, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns]
        middles = (np.stack((x, y), -1).reshape(-1, 1, 2) + 0.5) * stride
        sizes = np.asarray(anchors, np.float64)[None]
        both = np.broadcast_arrays(middles, sizes)
        levels.append(np.concatenate(both, axis=2).reshape(-1, 4))
    grid = np.concatenate(levels).astype(np.float32)
    grid.setflags(write=False)
    return grid


def decode_boxes(raw: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn numbers relative to anchors into (N, 4) middle x, y, width, height.

    Args:
        raw: (N, 4 or more) dx, dy, dw, dh; what is not finite, or too far away, gives a place that
            is not finite.
        anchors: (N, 4), rows of `anchor_grid`.
    """
    with np.errstate(over="ignore"):
        middles = anchors[:, :2] + raw[:, :2] * anchors[:, 2:]
    sizes = anchors[:, 2:] * np.exp(np.clip(raw[:, 2:4], -MAX_LOG_SIZE, MAX_LOG_SIZE))
    return np.concatenate((middles, sizes), axis=1)


def decode_points(raw: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn offsets in units of anchors into (N, K x 2) x, y in pixels of the input.

    Args:
        raw: (N, K x 2); what is too far away is not finite.
        anchors: (N, 4), rows of `anchor_grid`.
    """
    count = raw.shape[1] // 2
    with np.errstate(over="ignore"):
        return np.tile(anchors[:, :2], count) + raw * np.tile(anchors[:, 2:], count)


def decode_turns(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (N, 4) cosine and sine of a turn and of twice the turn into (N,) radians, -pi..pi."""
    axis = np.arctan2(raw[:, 3], raw[:, 2]) / 2
    backwards = raw[:, 0] * np.cos(axis) + raw[:, 1] * np.sin(axis) < 0
    return np.asarray(np.where(backwards, axis - np.copysign(np.pi, axis), axis), np.float32)


def decode_detections(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, place: Placement
) -> Detections:
    """Decode the outputs for one picture.

    A candidate whose score or place is not finite, or that lies wholly outside the picture (in the
    padding, say), is never given, and suppresses nothing.

    Args:
        outputs: boxes (1, places, `AnchorsDecode.numbers`) and scores (1, places, labels) of each
            level in turn.
        rules: of the manifest.
        place: where the picture lies in the input.

    Raises:
        BundleError: the outputs do not fit the rules.
    """
    decode = _decoded if rules.decoded else _best
    shapes, classes, scores = decode(outputs, rules, anchor_grid(rules, *place.size))
    finite = np.isfinite(shapes).all(1)
    shapes, classes, scores = shapes[finite], classes[finite], scores[finite]
    quads = place.to_picture(to_quads(shapes)) if rules.oriented else None
    upright = place.to_picture(shapes[:, :4]) if quads is None else hulls(quads)
    upright = clip_boxes(upright, place.picture)
    inside = np.flatnonzero((upright[:, :2] < upright[:, 2:]).all(1))
    plain = shapes[inside, : 4 + rules.oriented]
    kept, values = suppress(plain, scores[inside], classes[inside], rules.suppression)
    kept = inside[kept]
    points = _points(shapes[kept, 4:], place) if rules.points else None
    quads = None if quads is None else quads[kept]
    return Detections(upright[kept], values, classes[kept], quads, points)


def _points(flat: NDArray[np.float32], place: Placement) -> NDArray[np.float32]:
    """Return (N, K, 2) in pixels of the picture from (N, K x 2) places in the input."""
    pairs = place.to_picture(flat.reshape(len(flat), flat.shape[1] // 2, 2))
    # Boxes count from the edge of the first pixel, points from its middle.
    return np.asarray(pairs - 0.5, np.float32)


_Candidates = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""Boxes, upright or oriented, or upright with points behind, with class and score of each."""


def _best(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, grid: NDArray[np.float32]
) -> _Candidates:
    """Decode the candidates that are good enough."""
    _check(outputs, rules, len(grid))
    rows, classes, logits = _candidates(outputs[1::2], rules)
    raw = _rows(outputs[0::2], rows)
    boxes = decode_boxes(raw, grid[rows])
    if rules.points:
        places = decode_points(raw[:, 4:], grid[rows])
        return np.concatenate((from_centres(boxes), places), axis=1), classes, _sigmoid(logits)
    if not rules.oriented:
        return from_centres(boxes), classes, _sigmoid(logits)
    angle = decode_turns(raw[:, 4:])[:, None]
    return np.concatenate((boxes, angle), axis=1), classes, _sigmoid(logits)


def _decoded(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, grid: NDArray[np.float32]
) -> _Candidates:
    """Return the candidates that are good enough, where the network decoded them."""
    numbers = 4 + rules.oriented + 2 * len(rules.points)
    wanted = [(1, len(grid), numbers), (1, len(grid), len(rules.labels))]
    if [x.shape for x in outputs] != wanted:
        shapes = ", ".join(str(x.shape) for x in outputs)
        raise BundleError(
            f"expected decoded boxes {wanted[0]} and scores {wanted[1]}, got {shapes}: the model "
            "does not fit its manifest"
        )
    boxes, scores = outputs[0][0], outputs[1][0]
    rows, classes = np.nonzero(scores >= rules.suppression.min_score)
    best = np.argsort(-scores[rows, classes], kind="stable")[: rules.suppression.top_k]
    rows, classes = rows[best], classes[best]
    return boxes[rows], classes, scores[rows, classes]


def _candidates(
    scores: Sequence[NDArray[np.float32]], rules: AnchorsDecode
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return place, class and logit of the best candidates, at most top-k.

    Of all the logits few are good enough: only those are ever gathered or worth an exponential.
    """
    least, labels = _logit(rules.suppression.min_score), len(rules.labels)
    flat = [np.ravel(level) for level in scores]
    found = [np.flatnonzero(level >= least) for level in flat]
    begins = np.cumsum([0, *(len(level) for level in flat)])
    at = np.concatenate([begin + places for begin, places in zip(begins[:-1], found, strict=True)])
    logits = np.concatenate([level[places] for level, places in zip(flat, found, strict=True)])
    best = np.argsort(-logits, kind="stable")[: rules.suppression.top_k]
    rows, classes = np.divmod(at[best], labels)
    return rows, classes, logits[best]


def _rows(levels: Sequence[NDArray[np.float32]], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return rows of the levels, counted through all of them."""
    out = np.empty((len(rows), levels[0].shape[2]), np.float32)
    begin = 0
    for level in levels:
        mine = (rows >= begin) & (rows < begin + level.shape[1])
        out[mine] = level[0, rows[mine] - begin]
        begin += level.shape[1]
    return out


def _check(outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, places: int) -> None:
    numbers, labels = rules.numbers, len(rules.labels)
    boxes, scores = outputs[0::2], outputs[1::2]
    fits = all(x.ndim == 3 and x.shape[0] == 1 for x in outputs)
    fits = fits and {x.shape[2] for x in boxes} == {numbers}
    fits = fits and {x.shape[2] for x in scores} == {labels}
    fits = fits and [x.shape[1] for x in boxes] == [x.shape[1] for x in scores]
    if not fits or sum(x.shape[1] for x in boxes) != places:
        shapes = ", ".join(str(x.shape) for x in outputs)
        raise BundleError(
            f"expected {places} places in {len(rules.strides)} levels, with boxes of {numbers} and "
            f"scores of {labels} numbers, got {shapes}: the model does not fit its manifest"
        )


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    # No exponential of anything above 0: none overflows.
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), np.float32)


def _logit(score: float) -> float:
    if score <= 0:
        return -np.inf
    return float(np.log(score) - np.log1p(-score)) if score < 1 else np.inf
