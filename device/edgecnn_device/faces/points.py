"""Looks at a found face once more, for its points alone.

A detector sees a whole picture on few pixels and says roughly where eyes, nose and mouth are; a
face that is straightened by such points compares badly. A network for five points, shown the face
alone, says it better (the cascade of Zhang et al., "Joint Face Detection and Alignment using
Multi-task Cascaded Convolutional Networks", IEEE SPL 2016, ends so, too).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn_device.faces.results import POINTS, FoundFace, Picture
from edgecnn_device.runner import Runner
from edgecnn_device.tasks import Landmarks

CONTEXT = 1.5
"""Side of what is shown, in longer sides of the face's box: the middle of what it learned from."""


class PointRefiner:
    """Gives a found face better points.

    Args:
        runner: task landmarks with the five points.

    Raises:
        BundleError: it gives other points.
    """

    def __init__(self, runner: Runner) -> None:
        check_points(runner.manifest)
        self._runner = runner
        self._side = max(runner.manifest.input.width, runner.manifest.input.height)

    def __call__(self, picture: Picture, face: FoundFace) -> FoundFace:
        """Return a face of (H, W, 3) BGR with its points looked at again."""
        x1, y1, x2, y2 = face.box
        # Pixel i reaches from i to i + 1, and a point at its middle is called i.
        middle = np.array(((x1 + x2) / 2, (y1 + y2) / 2)) - 0.5
        side = CONTEXT * max(x2 - x1, y2 - y1, 1.0)
        scale = self._side / side
        shift = (self._side - 1) / 2 - scale * middle
        matrix = np.array(((scale, 0, shift[0]), (0, scale, shift[1])))
        shown = _shrunk(picture, matrix, self._side)
        (found,) = self._runner(shown)
        assert isinstance(found, Landmarks)
        places = np.array([(point.x, point.y) for point in found.points])
        return replace(face, points=((places - shift) / scale).astype(np.float32))


def _shrunk(picture: Picture, matrix: NDArray[np.float64], side: int) -> Picture:
    """Cut out what a matrix shows; where that has more pixels than are kept, every one counts."""
    steps = max(1, int(np.ceil(1 / matrix[0, 0])))
    fine = matrix * steps
    fine[:, 2] += (steps - 1) / 2
    large = cv2.warpAffine(picture, fine, (side * steps, side * steps), flags=cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    if steps == 1:
        return np.asarray(large, np.uint8)
    return np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def check_points(manifest: Manifest) -> None:
    """Refuse a bundle that does not give the five points of a face.

    Raises:
        BundleError: says what it gives instead.
    """
    rules = manifest.decode
    if isinstance(rules, PointsDecode) and rules.names == POINTS:
        return
    raise BundleError(
        f"{manifest.name}: expected a network for the points {', '.join(POINTS)}, got task "
        f"{manifest.task} ({rules.kind}): choose another one behind the + of --detector"
    )
