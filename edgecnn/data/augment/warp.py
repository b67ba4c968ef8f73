"""A smooth local warp: random displacements of a coarse grid, spread by cubic B-splines.

Elastic distortion after Simard et al., "Best Practices for Convolutional Neural Networks Applied to
Visual Document Analysis", ICDAR 2003, in the free-form of Rueckert et al., IEEE TMI 18(8), 1999. It
stays one-to-one while nodes move by less than 0.48 of their spacing (Choi and Lee, "Injectivity
Conditions of 2D and 3D Uniform Cubic B-Spline Functions", 2000); here it is at most 0.25.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalWarp:
    """The output at p shows what the unwarped output has at p + d(p)."""

    nodes: Matrix
    """(cells + 3, cells + 3, 2): displacement x, y of each node in pixels; the grid reaches one
    node beyond the picture on every side."""
    size: tuple[int, int]
    """Height and width of the output."""

    @property
    def cells(self) -> int:
        """Cells per side."""
        return len(self.nodes) - 3

    def displace(self, points: Matrix) -> Matrix:
        """Return d at (P, 2) output points; beyond the picture, that of the nearest edge."""
        across = spline_weights(points[:, 0] / self.size[1], self.cells)
        down = spline_weights(points[:, 1] / self.size[0], self.cells)
        rows = (down @ self.nodes.reshape(len(self.nodes), -1)).reshape(len(points), -1, 2)
        return np.asarray((rows * across[:, :, None]).sum(1))

    def undo(self, points: Matrix) -> Matrix:
        """Return the output points p with p + d(p) equal to (P, 2) given points, to 0.01 pixel.

        p = q - d(p) is iterated, which converges as d changes by less than p does.
        """
        found = points
        for _ in range(50):
            last, found = found, points - self.displace(found)
            if np.abs(found - last).max(initial=0) < 0.01:
                break
        return found

    def source_maps(self, inverse: Matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return x and y, (H, W) each, of what every output pixel shows, as indices of the source.

        Args:
            inverse: (3, 3), unwarped output to source coordinates.
        """
        height, width = self.size
        # Cubic B-splines reproduce straight lines, so the affine part rides on the nodes as well.
        steps = np.arange(-1, self.cells + 2) / self.cells
        places = np.stack(np.meshgrid(steps * width, steps * height), -1) + self.nodes
        source = places @ inverse[:2, :2].T + inverse[:2, 2] - 0.5
        down, across = _pixel_weights(height, self.cells), _pixel_weights(width, self.cells).T
        xs, ys = (down @ source[:, :, axis].astype(np.float32) @ across for axis in (0, 1))
        return xs, ys


def draw_warp(
    amplitude: float, cells: int, size: tuple[int, int], rng: np.random.Generator
) -> LocalWarp:
    """Draw node displacements of up to ``amplitude`` times the side of the picture each way."""
    nodes = rng.uniform(-amplitude, amplitude, (cells + 3, cells + 3, 2))
    return LocalWarp(nodes * (size[1], size[0]), size)


def spline_weights(places: Matrix, cells: int) -> Matrix:
    """Return (P, cells + 3): how much each node counts at P places, 0..1 across the picture."""
    steps = np.clip(places, 0, 1)[:, None] * cells - np.arange(-1, cells + 2)
    distance = np.abs(steps)
    wide, narrow = np.maximum(2 - distance, 0), np.maximum(1 - distance, 0)
    return np.asarray((wide**3 - 4 * narrow**3) / 6)


@lru_cache(maxsize=64)
def _pixel_weights(side: int, cells: int) -> NDArray[np.float32]:
    """Weights at the middles of a row of pixels; read-only, as the cache hands it out again."""
    weights = spline_weights((np.arange(side) + 0.5) / side, cells).astype(np.float32)
    weights.setflags(write=False)
    return weights
