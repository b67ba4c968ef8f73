"""From the outputs of an anchor-based detector to boxes: one decoder for training, export, device.

Each cell of each level holds one place per anchor. A place gives scores, as logits, and a box
relative to its anchor: (dx, dy, dw, dh) with

    middle = middle of the cell + (dx, dy) x anchor size,    size = anchor size x exp(dw, dh),

the parametrization of Ren et al., "Faster R-CNN", NeurIPS 2015. An oriented box has two numbers
more, the cosine and the sine of its turn, of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import AnchorsDecode
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


@lru_cache(maxsize=8)
def anchor_grid(rules: AnchorsDecode, width: int, height: int) -> NDArray[np.float32]:
    """Return (places, 4) middle x, y, width, height of every anchor, in pixels of the input.

    Level by level, row by row, cell by cell, the anchors of a cell side by side; read-only.

    Args:
        rules: strides and anchors.
        width: of the input, a multiple of every stride.
        height: of the input, too.
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
        raw: (N, 4 or more) dx, dy, dw, dh.
        anchors: (N, 4), rows of `anchor_grid`.
    """
    middles = anchors[:, :2] + raw[:, :2] * anchors[:, 2:]
    sizes = anchors[:, 2:] * np.exp(np.clip(raw[:, 2:4], -MAX_LOG_SIZE, MAX_LOG_SIZE))
    return np.concatenate((middles, sizes), axis=1)


def decode_detections(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, place: Placement
) -> Detections:
    """Decode the outputs for one picture.

    Args:
        outputs: boxes (1, places, 4 or 6) and scores (1, places, labels) of each level in turn.
        rules: of the manifest.
        place: where the picture lies in the input.

    Raises:
        BundleError: the outputs do not fit the rules.
    """
    if rules.decoded:
        shapes, scores, classes = _best_decoded(outputs, rules)
    else:
        shapes, scores, classes = _best(outputs, rules, anchor_grid(rules, *place.size))
    kept, values = suppress(shapes, scores, classes, rules.suppression)
    quads = place.to_picture(to_quads(shapes[kept])) if rules.oriented else None
    upright = place.to_picture(shapes[kept]) if quads is None else hulls(quads)
    return Detections(clip_boxes(upright, place.picture), values, classes[kept], quads)


_Candidates = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]
"""Boxes, upright or oriented, with score and class each."""


def _best(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, grid: NDArray[np.float32]
) -> _Candidates:
    """Decode the candidates that are good enough."""
    raw, logits = _joined(outputs, rules, len(grid))
    # Of the logits, few are good enough: only those are worth an exponential.
    rows, classes = _choose(logits, _logit(rules.suppression.min_score), rules)
    scores = np.asarray(1 / (1 + np.exp(-logits[rows, classes])), np.float32)
    boxes = decode_boxes(raw[rows], grid[rows])
    if not rules.oriented:
        return from_centres(boxes), scores, classes
    angle = np.arctan2(raw[rows, 5], raw[rows, 4])[:, None]
    return np.concatenate((boxes, angle), axis=1), scores, classes


def _best_decoded(outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode) -> _Candidates:
    """Return the candidates that are good enough, where the network decoded them."""
    numbers, labels = 5 if rules.oriented else 4, len(rules.labels)
    places = outputs[0].shape[1:2]
    if [x.shape for x in outputs] != [(1, *places, numbers), (1, *places, labels)]:
        shapes = ", ".join(str(x.shape) for x in outputs)
        raise BundleError(
            f"expected boxes (1, places, {numbers}) and scores (1, places, {labels}), got "
            f"{shapes}: the model does not fit its manifest"
        )
    boxes, scores = outputs[0][0], outputs[1][0]
    rows, classes = _choose(scores, rules.suppression.min_score, rules)
    return boxes[rows], scores[rows, classes], classes


def _choose(
    values: NDArray[np.float32], least: float, rules: AnchorsDecode
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return place and class of the best candidates, at most the rules' top-k."""
    rows, classes = np.nonzero(values >= least)
    if len(rows) > rules.suppression.top_k:
        best = np.argsort(-values[rows, classes], kind="stable")[: rules.suppression.top_k]
        rows, classes = rows[best], classes[best]
    return rows, classes


def _joined(
    outputs: Sequence[NDArray[np.float32]], rules: AnchorsDecode, places: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    numbers, labels = 6 if rules.oriented else 4, len(rules.labels)
    boxes, scores = outputs[0::2], outputs[1::2]
    widths = {x.shape[2:] for x in boxes}, {x.shape[2:] for x in scores}
    found = sum(x.shape[1] for x in boxes), sum(x.shape[1] for x in scores)
    if widths != ({(numbers,)}, {(labels,)}) or found != (places, places):
        shapes = ", ".join(str(x.shape) for x in outputs)
        raise BundleError(
            f"expected {places} places in {len(rules.strides)} levels, with boxes of {numbers} and "
            f"scores of {labels} numbers, got {shapes}: the model does not fit its manifest"
        )
    return np.concatenate(boxes, axis=1)[0], np.concatenate(scores, axis=1)[0]


def _logit(score: float) -> float:
    if score <= 0:
        return -np.inf
    return float(np.log(score) - np.log1p(-score)) if score < 1 else np.inf
