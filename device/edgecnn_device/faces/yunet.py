"""Decodes YuNet, a face detector of someone else.

Wu et al., "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 2023. An
exported YuNet is a bundle of task `tensors`, known by the names of its twelve outputs. Its
arithmetic is that of OpenCV's FaceDetectorYN, with which the tests compare it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import TensorsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.boxes import clip_boxes, from_centres
from edgecnn.vision.nms import nms, select
from edgecnn.vision.placement import Placement, Size, placement
from edgecnn_device.faces.results import FoundFace

_STRIDES = (8, 16, 32)
_NUMBERS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
NAMES = tuple(f"{kind}_{stride}" for kind in _NUMBERS for stride in _STRIDES)
"""Of the outputs."""


@dataclass(frozen=True)
class YunetRules:
    """Which candidates are given."""

    min_score: float = 0.6
    iou: float = 0.3
    """Of two that overlap by more, the better stays."""
    top_k: int = 5000


def is_yunet(manifest: Manifest) -> bool:
    """Tell it by its outputs."""
    rules = manifest.decode
    return isinstance(rules, TensorsDecode) and set(rules.names) == set(NAMES)


def decode_yunet(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size, rules: YunetRules
) -> tuple[FoundFace, ...]:
    """Return the faces of a picture of this size, the best first.

    Args:
        outputs: each (1, cells, numbers), in the order of the manifest.
        manifest: of a bundle that `is_yunet`.
        size: of the picture.
        rules: which are given.

    Raises:
        BundleError: the outputs do not fit.
    """
    names = manifest.decode.names if isinstance(manifest.decode, TensorsDecode) else ()
    place = placement(size, manifest.input)
    table = _check(dict(zip(names, outputs, strict=True)), place)
    scores = np.sqrt(np.clip(table["cls"], 0, 1) * np.clip(table["obj"], 0, 1))[:, 0]
    rows = select(scores, rules.min_score, rules.top_k)
    corner, stride = _cells(place.size)
    corner, stride, scores = corner[rows], stride[rows], scores[rows]
    raw, marks = table["bbox"][rows], table["kps"][rows].reshape(-1, 5, 2)
    with np.errstate(over="ignore"):  # `nms` drops what is not finite
        centres = np.concatenate(((corner + raw[:, :2]), np.exp(raw[:, 2:])), axis=1) * stride
    boxes = from_centres(centres)
    kept = nms(boxes, scores, rules.iou)
    points = (marks + corner[:, None]) * stride[:, :, None]
    return _in_picture(boxes[kept], points[kept], scores[kept], place)


def _check(
    given: Mapping[str, NDArray[np.float32]], place: Placement
) -> dict[str, NDArray[np.float32]]:
    """Return (cells of all strides, numbers) of each kind."""
    width, height = place.size
    for kind, numbers in _NUMBERS.items():
        for stride in _STRIDES:
            wanted = (1, (height // stride) * (width // stride), numbers)
            found = given[f"{kind}_{stride}"].shape
            if found != wanted:
                raise BundleError(
                    f"{kind}_{stride}: expected {wanted} of YuNet at {width} x {height}, got "
                    f"{found}: the model does not fit its manifest"
                )
    return {
        kind: np.concatenate([given[f"{kind}_{stride}"][0] for stride in _STRIDES])
        for kind in _NUMBERS
    }


def _cells(size: Size) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (cells, 2) column and row, and (cells, 1) stride, of all strides."""
    corners, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: size[1] // stride, : size[0] // stride]
        corners.append(np.stack((columns, rows), -1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _in_picture(
    boxes: NDArray[np.float32], points: NDArray[np.float32], scores: NDArray[np.float32],
    place: Placement,
) -> tuple[FoundFace, ...]:  # fmt: skip
    """Map to the picture; what lies wholly outside it is dropped."""
    seen = clip_boxes(place.to_picture(boxes), place.picture)
    # Points count from the middle of a pixel, boxes from its edge.
    marks = place.to_picture(points + np.float32(0.5)) - np.float32(0.5)
    inside = (seen[:, :2] < seen[:, 2:]).all(1) & np.isfinite(marks).all((1, 2))
    return tuple(
        FoundFace(tuple(seen[i].tolist()), float(scores[i]), marks[i])
        for i in np.flatnonzero(inside)
    )
