"""From the outputs of a landmarks network to points: one decoder for training, export, device.

Places are shares of the network's input, 0..1 across and down, whatever its size; 0 is the left
edge of the first pixel and 1 the right edge of the last. A map of R x C cells covers the whole
input, and the middle of its cell (r, c) is at ((c + 0.5) / C, (r + 0.5) / R).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.errors import BundleError
from edgecnn.vision.placement import Placement

_REACH = 1.5
"""Cells from the middle of the fitted 3 x 3 cells to their edge."""


@dataclass(frozen=True, eq=False)
class FoundPoints:
    """What a network says of the points of N pictures."""

    places: NDArray[np.float32]
    """(N, K, 2) x, y as shares of the input; a regression may leave 0..1."""
    visibility: NDArray[np.float32]
    """(N, K) probability that the point can be seen, 0..1."""


def decode_points(outputs: Sequence[NDArray[np.float32]], rules: PointsDecode) -> FoundPoints:
    """Decode the outputs for N pictures.

    Args:
        outputs: maps (N, K, rows, columns) of logits, or places (N, K x 2); and visibility (N, K)
            as logits.
        rules: of the manifest.

    Raises:
        BundleError: the outputs do not fit the rules.
    """
    points = len(rules.names)
    shapes = [x.shape[1:] for x in outputs]
    if rules.method == "heatmap":
        fits = len(shapes) == 2 and len(shapes[0]) == 3 and min(shapes[0][1:]) >= 3
        fits = fits and (shapes[0][0], shapes[1]) == (points, (points,))
        wanted = f"({points}, 3 or more, 3 or more) and ({points},)"
    else:
        fits = shapes == [(2 * points,), (points,)]
        wanted = f"({2 * points},) and ({points},)"
    if not fits:
        raise BundleError(
            f"the network's outputs do not fit its manifest: expected {wanted} for {points} "
            f"points by {rules.method}, got {' and '.join(map(str, shapes))}"
        )
    first, logits = outputs
    places = decode_maps(first) if rules.method == "heatmap" else first.reshape(-1, points, 2)
    visibility = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    return FoundPoints(np.asarray(places, np.float32), np.asarray(visibility, np.float32))


def decode_maps(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return where the peak of each map lies between its cells.

    The logarithm of a Gaussian is a parabola, so one Newton step from the highest cell finds its
    top: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation",
    CVPR 2020 (DARK), equation 8. A softmax over places makes the maps that logarithm up to a
    constant, which has no part in it. Where the fit has no top the highest cell's middle is taken.

    Args:
        maps: (N, K, R, C) logits, at least 3 x 3.

    Returns:
        (N, K, 2) x, y as shares of the map.
    """
    rows, columns = maps.shape[2:]
    flat = maps.reshape(-1, rows, columns)
    row, column = np.divmod(flat.reshape(len(flat), -1).argmax(1), columns)
    # At the edge, the fit is about the nearest cell that has neighbours all around.
    y, x = np.clip(row, 1, rows - 2), np.clip(column, 1, columns - 2)
    offset, has_top = _newton(_patches(flat, y, x))
    offset[~has_top] = np.column_stack((column - x, row - y))[~has_top]
    cells = np.column_stack((x, y)) + 0.5 + np.clip(offset, -_REACH, _REACH)
    return np.asarray((cells / (columns, rows)).reshape(*maps.shape[:2], 2), np.float32)


def _patches(
    maps: NDArray[np.float32], y: NDArray[np.int64], x: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the (M, 3, 3) cells around one cell of each map."""
    around = np.arange(-1, 2)
    index = np.arange(len(maps))[:, None, None]
    found = maps[index, y[:, None, None] + around[:, None], x[:, None, None] + around]
    return np.asarray(found, np.float64)


def _newton(patches: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return (M, 2) x, y from the middle of (M, 3, 3) cells to their top, and whether one is."""
    p = patches
    dx, dy = (p[:, 1, 2] - p[:, 1, 0]) / 2, (p[:, 2, 1] - p[:, 0, 1]) / 2
    dxx = p[:, 1, 2] - 2 * p[:, 1, 1] + p[:, 1, 0]
    dyy = p[:, 2, 1] - 2 * p[:, 1, 1] + p[:, 0, 1]
    dxy = (p[:, 2, 2] - p[:, 2, 0] - p[:, 0, 2] + p[:, 0, 0]) / 4
    determinant = dxx * dyy - dxy**2
    has_top = (dxx < 0) & (determinant > 1e-9)
    safe = np.where(has_top, determinant, 1.0)
    step = np.column_stack((dxy * dy - dyy * dx, dxy * dx - dxx * dy)) / safe[:, None]
    return step, has_top


def to_shares(points: NDArray[np.float32], place: Placement) -> NDArray[np.float32]:
    """Return (..., 2) pixels of a picture (x = i: the middle of pixel i) as shares of the input."""
    return np.asarray(place.to_input(points + 0.5) / place.size, np.float32)


def to_pixels(shares: NDArray[np.float32], place: Placement) -> NDArray[np.float32]:
    """Undo `to_shares`."""
    return np.asarray(place.to_picture(shares * place.size) - 0.5, np.float32)
