"""Draws where every pixel goes: one matrix for all that is affine, one field for the local warp.

Coordinates here are continuous: pixel i reaches from i to i + 1, its middle is i + 0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.options import AugmentOptions
from edgecnn.data.augment.warp import LocalWarp, draw_warp

Matrix = NDArray[np.float64]
Region = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the pixels of one picture go."""

    matrix: Matrix
    """(3, 3): source to output coordinates, before the warp."""
    warp: LocalWarp | None
    size: tuple[int, int]
    """Height and width of the output."""

    @property
    def mirrored(self) -> bool:
        """Whether left and right changed places."""
        return bool(np.linalg.det(self.matrix[:2, :2]) < 0)

    def map_points(self, points: Matrix) -> Matrix:
        """Map (P, 2) source points to the output."""
        moved = points @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return moved if self.warp is None else self.warp.undo(moved)


def draw_geometry(
    options: AugmentOptions, shape: tuple[int, int], size: tuple[int, int], rng: np.random.Generator
) -> Geometry:
    """Draw the geometry for a picture.

    A crop (Szegedy et al., "Going Deeper with Convolutions", CVPR 2015) or a shift by padding (He
    et al., "Deep Residual Learning", CVPR 2016, section 4.2) chooses a region; it is mirrored,
    turned, slanted and zoomed about its middle, and stretched to the output.

    Args:
        options: the ranges.
        shape: height and width of the picture.
        size: height and width of the output.
        rng: the source of chance.
    """
    x, y, width, height = _draw_region(options, shape, size, rng)
    linear = _draw_linear(options, rng)
    stretch = np.diag((size[1] / width, size[0] / height))
    matrix = np.eye(3)
    matrix[:2, :2] = stretch @ linear
    matrix[:2, 2] = (size[1] / 2, size[0] / 2)
    matrix[:2, 2] -= matrix[:2, :2] @ (x + width / 2, y + height / 2)
    warp = draw_warp(options.warp, options.warp_grid, size, rng) if options.warp > 0 else None
    return Geometry(matrix, warp, size)


def _draw_region(
    options: AugmentOptions, shape: tuple[int, int], size: tuple[int, int], rng: np.random.Generator
) -> Region:
    """Return x, y, width, height of the part to keep, in whole pixels."""
    height, width = shape
    x = y = 0
    if options.crop != (1.0, 1.0):
        width, height = _draw_crop(options, shape, size, rng)
        x = int(rng.integers(0, shape[1] - width + 1))
        y = int(rng.integers(0, shape[0] - height + 1))
    if options.crop_padding:
        dx, dy = rng.integers(-options.crop_padding, options.crop_padding + 1, 2)
        x, y = x + int(dx), y + int(dy)
    return x, y, width, height


def _draw_crop(
    options: AugmentOptions, shape: tuple[int, int], size: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Return width and height of a crop; what never fits in ten draws is shrunk until it does."""
    width = height = 1.0
    for _ in range(10):
        area = rng.uniform(*options.crop) * shape[0] * shape[1]
        aspect = _draw_log(options.crop_aspect, rng) * size[1] / size[0]
        width, height = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if width <= shape[1] and height <= shape[0]:
            break
    fit = min(1.0, shape[1] / width, shape[0] / height)
    return max(1, round(width * fit)), max(1, round(height * fit))


def _draw_linear(options: AugmentOptions, rng: np.random.Generator) -> Matrix:
    """Return (2, 2): mirror, rotation, shear and zoom."""
    linear = np.eye(2)
    if options.mirror and rng.random() < options.mirror:
        linear = np.diag((-1.0, 1.0))
    if options.rotation:
        angle = math.radians(rng.uniform(-options.rotation, options.rotation))
        cos, sin = math.cos(angle), math.sin(angle)
        linear = np.array(((cos, -sin), (sin, cos))) @ linear
    if options.shear:
        slant = np.tan(np.radians(rng.uniform(-options.shear, options.shear, 2)))
        linear = np.array(((1.0, slant[0]), (slant[1], 1.0))) @ linear
    if options.zoom != (1.0, 1.0):
        linear = _draw_log(options.zoom, rng) * linear
    return linear


def _draw_log(span: tuple[float, float], rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(span[0]), math.log(span[1])))
