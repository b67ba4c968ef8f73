"""The `detect` task on the device: outputs to labelled boxes, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode, WindowsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.anchors import Detections, decode_detections
from edgecnn.vision.placement import Size, placement
from edgecnn.vision.windows import decode_windows

Corner = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A thing in a picture."""

    label: str
    index: int
    """Of the label."""
    score: float
    """0..1."""
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the picture, inside it."""
    quad: tuple[Corner, Corner, Corner, Corner] | None = None
    """Of an oriented box: its corners from the thing's own top-left one clockwise."""
    points: tuple[tuple[float, float], ...] = ()
    """Of a box with points, in the manifest's order: x, y in pixels of the picture; x = i is the
    middle of pixel i, as OpenCV counts. May lie outside the picture."""

    @property
    def decision(self) -> str:
        """What a replay must find again."""
        return self.label if self.score >= 0.5 else ""


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[Box, ...]:
    """Return what is in a picture of this size."""
    rules, place = manifest.decode, placement(size, manifest.input)
    match rules:
        case AnchorsDecode():
            found = decode_detections(outputs, rules, place)
        case WindowsDecode():
            found = decode_windows(outputs, rules, place)
        case _:
            raise BundleError(f"decoding by {rules.kind} is not known here: update edgecnn")
    return boxes_of(found, rules.labels)


def boxes_of(found: Detections, labels: tuple[str, ...]) -> tuple[Box, ...]:
    """Return detections as one result each."""
    quads = [None] * len(found.boxes) if found.quads is None else found.quads.tolist()
    points = [[]] * len(found.boxes) if found.points is None else found.points.tolist()
    return tuple(
        Box(labels[index], index, score, tuple(box), quad and tuple(map(tuple, quad)),
            tuple(map(tuple, marks)))
        for box, score, index, quad, marks in zip(
            found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), quads, points,
            strict=True,
        )
    )  # fmt: skip


def detections_of(found: Sequence[Box], labels: tuple[str, ...]) -> Detections:
    """Undo `boxes_of`; there are corners and points where every box has them.

    Args:
        found: in one picture.
        labels: what the classes count in; each box's label is one of them.
    """
    quads = [box.quad for box in found if box.quad is not None]
    whole = bool(found) and len(quads) == len(found)
    return Detections(
        np.array([box.box for box in found], np.float32).reshape(-1, 4),
        np.array([box.score for box in found], np.float32),
        np.array([labels.index(box.label) for box in found], np.int64),
        np.array(quads, np.float32) if whole else None,
        np.array([box.points for box in found], np.float32)
        if found and all(box.points for box in found) else None,
    )  # fmt: skip
