"""Shifts colours: every change is linear in B, G, R, so all make one matrix and one rounding."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.augment.options import AugmentOptions

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_LUMA = np.array((0.114, 0.587, 0.299))  # Rec. 601, for B, G, R
_TO_YIQ = np.array(((0.114, 0.587, 0.299), (-0.321, -0.275, 0.596), (0.311, -0.523, 0.212)))
_FROM_YIQ = np.linalg.inv(_TO_YIQ)

# Main axes of ImageNet's colours (rows B, G, R) and their strengths on the scale 0..1: the numbers
# of fb.resnet.torch, which many re-implementations share.
_STRENGTHS = np.array((0.2175, 0.0188, 0.0045))
_AXES = np.array(
    ((-0.5836, -0.6948, 0.4203), (-0.5808, -0.0045, -0.8140), (-0.5675, 0.7192, 0.4009))
)


def shift_colours(image: Image, options: AugmentOptions, rng: np.random.Generator) -> Image:
    """Change brightness, contrast, saturation, hue and cast of a picture.

    The hue turns in the chroma plane of YIQ, which keeps the luma. The cast is that of Krizhevsky
    et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, section
    4.1. A grey picture has only brightness and contrast.

    Args:
        image: (H, W, 3) BGR or (H, W) grey.
        options: the ranges.
        rng: the source of chance.
    """
    gain = _draw_factor(options.brightness, rng)
    contrast = _draw_factor(options.contrast, rng)
    offset = (1 - contrast) * gain * _mean_grey(image) if contrast != 1 else 0.0
    gain *= contrast
    if image.ndim == 2:
        if gain == 1 and not offset:
            return image
        table = np.clip(np.rint(np.arange(256) * gain + offset), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(image, table), np.uint8)
    chroma = _draw_chroma(options, rng)
    cast = np.zeros(3)
    if options.pca:
        cast = 255 * _AXES @ (_STRENGTHS * rng.normal(0, options.pca, 3))
    matrix = np.column_stack((gain * chroma, offset + cast))
    if np.array_equal(matrix, np.eye(3, 4)):
        return image
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _draw_factor(spread: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(1 - spread, 1 + spread)) if spread else 1.0


def _draw_chroma(options: AugmentOptions, rng: np.random.Generator) -> Matrix:
    """Return (3, 3): saturation and hue; grey stays as it is."""
    matrix = np.eye(3)
    if options.saturation:
        factor = _draw_factor(options.saturation, rng)
        matrix = factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1))
    if options.hue:
        angle = math.radians(rng.uniform(-options.hue, options.hue))
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array(((1, 0, 0), (0, cos, -sin), (0, sin, cos)))
        matrix = _FROM_YIQ @ turn @ _TO_YIQ @ matrix
    return matrix


def _mean_grey(image: Image) -> float:
    mean = cv2.mean(image)
    return mean[0] if image.ndim == 2 else float(_LUMA @ mean[:3])
