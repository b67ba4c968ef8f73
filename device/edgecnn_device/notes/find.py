"""Finds notes and serial numbers in a picture, with a detector made for landscape frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.placement import PADDING, Size, size_of
from edgecnn.vision.quads import Quads, from_quads, to_quads
from edgecnn_device.notes.pair import NESTED, SAME_NOTE, TOUCHING, distinct, distinct_and_apart
from edgecnn_device.notes.rectify import is_framed, rectify
from edgecnn_device.runner import Runner
from edgecnn_device.tasks import Box

NOTE, SERIAL = "note", "serial"
_AROUND_NOTE = 0.1
"""Parts of a note's width that are shown beside it on a closer look: its box may be too small."""


@dataclass(frozen=True, eq=False)
class Found:
    """Where notes and prints of serials are, in pixels of the picture, the best first."""

    notes: Quads
    """(N, 4, 2) from the note's own top-left corner clockwise."""
    serials: Quads
    """(M, 4, 2) likewise, each with paper around the print of a third of a capital's height. What
    overlaps a better one, and may be a part of it, stands behind all that do not."""


def find_notes(detector: Runner, image: NDArray[np.uint8], rim: float = 0.0) -> Found:
    """Detect, and drop what was found twice.

    A picture that is higher than wide is turned for a detector that is wider than high: it shows
    notes larger that way.

    Args:
        detector: see `check_detector`.
        image: (H, W, 3) BGR.
        rim: grey that is set around the picture first, as a share of its width.
    """
    if rim > 0:
        return _from_farther(detector, image, rim)
    size, spec = size_of(image), detector.manifest.input
    turned = size[1] > size[0] and spec.width > spec.height
    shown = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE) if turned else image
    boxes = [box for box in detector(np.asarray(shown, np.uint8)) if isinstance(box, Box)]
    notes, serials = (_quads(boxes, label, size, turned) for label in (NOTE, SERIAL))
    order = list(distinct_and_apart(serials, NESTED, TOUCHING))
    return Found(notes[list(distinct(notes, SAME_NOTE))], serials[order])


def look_closer(detector: Runner, image: NDArray[np.uint8], note: NDArray[np.float32]) -> Quads:
    """Find the serials of a note by a look at it alone, laid straight.

    A note that is small in its picture, or stands on end, has more pixels that way.

    Args:
        detector: see `check_detector`.
        image: (H, W, 3) BGR.
        note: (4, 2), as `find_notes` gives it.

    Returns:
        (M, 4, 2) as `Found` has them.
    """
    spec = detector.manifest.input
    box = from_quads(note[None])
    width = (1 + 2 * _AROUND_NOTE) * max(box[0, 2], box[0, 3] * spec.width / spec.height)
    box[0, 2:4] = width, width * spec.height / spec.width
    (frame,) = to_quads(box)
    if not is_framed(frame, size_of(image)):
        return np.zeros((0, 4, 2), np.float32)
    seen = rectify(image, frame, (spec.width, spec.height))
    found = find_notes(detector, seen).serials
    across, down = (frame[1] - frame[0], frame[3] - frame[0])
    shown = size_of(seen)
    back = frame[0] + found[..., :1] / shown[0] * across + found[..., 1:] / shown[1] * down
    kept = [quad for quad in back if is_framed(quad, size_of(image))]
    return np.array(kept, np.float32).reshape(-1, 4, 2)


def _from_farther(detector: Runner, image: NDArray[np.uint8], rim: float) -> Found:
    side, grey = round(rim * image.shape[1]), (PADDING, PADDING, PADDING)
    framed = cv2.copyMakeBorder(
        image, side, side, side, side, cv2.BORDER_CONSTANT, value=grey
    )  # fmt: skip
    found, size = find_notes(detector, np.asarray(framed, np.uint8)), size_of(image)
    kept = [
        np.array([q for q in quads - np.float32(side) if is_framed(q, size)], np.float32)
        for quads in (found.notes, found.serials)
    ]
    return Found(*(quads.reshape(-1, 4, 2) for quads in kept))


def check_detector(manifest: Manifest) -> None:
    """Refuse a bundle that does not find notes and serials.

    Raises:
        BundleError: says what it does instead.
    """
    rules = manifest.decode
    labels = rules.labels if isinstance(rules, AnchorsDecode) and rules.oriented else ()
    if not {NOTE, SERIAL} <= set(labels):
        raise BundleError(
            f"{manifest.name}: expected a detector of oriented boxes with the labels {NOTE} and "
            f"{SERIAL}, got task {manifest.task}: choose another --detector"
        )


def _quads(boxes: list[Box], label: str, size: Size, turned: bool) -> Quads:
    """Return (N, 4, 2) corners of the boxes of a label that frame a part of the picture."""
    given = [box.quad for box in boxes if box.label == label and box.quad is not None]
    quads = np.array(given, np.float32).reshape(-1, 4, 2)
    if turned:
        x, y = quads[..., 0], quads[..., 1]
        quads = np.stack((y, size[1] - x), -1)
    return quads[[is_framed(quad, size) for quad in quads]]
