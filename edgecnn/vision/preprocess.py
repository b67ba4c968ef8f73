"""The one path from a picture to a network's input, in training, export and on the device."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn.vision.placement import PADDING, Size, placement, size_of

Input: TypeAlias = NDArray[np.float32] | NDArray[np.uint8]
"""What a network takes."""


def input_shape(spec: InputSpec) -> tuple[int, int, int]:
    """Return the shape of one input, without a batch axis, in the layout of the spec."""
    if spec.layout == "nchw":
        return (spec.channels, spec.height, spec.width)
    return (spec.height, spec.width, spec.channels)


def preprocess(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Turn one picture into one normalized input.

    Args:
        image: (H, W, 3) BGR or (H, W) grey, uint8, any size of at least one pixel.
        spec: the input section of a recipe or of a bundle's manifest.

    Returns:
        (height, width, channels) or (channels, height, width) float32, as ``spec.layout`` says,
        contiguous, without a batch axis: (pixel - mean) / std. Height and width are those of the
        spec; with ``resize: none`` those of the picture, where they are larger.

    Raises:
        DataError: the array is not such a picture.
    """
    pixels = _pixels(image, spec)
    scale = 1 / np.asarray(spec.std, np.float32)
    shift = -np.asarray(spec.mean, np.float32) * scale
    # By whole rows numpy is eight times as quick as by the few channels of a pixel.
    width = pixels.shape[1]
    rows = pixels.astype(np.float32).reshape(len(pixels), -1)
    rows *= np.tile(scale, width)
    rows += np.tile(shift, width)
    out = rows.reshape(pixels.shape)
    return np.ascontiguousarray(out.transpose(2, 0, 1) if spec.layout == "nchw" else out)


def network_input(image: NDArray[np.uint8], spec: InputSpec) -> Input:
    """Turn one picture into what a bundle's network takes.

    Returns:
        As `preprocess`; but the uint8 pixels themselves where ``spec.dtype`` says that the network
        normalizes.

    Raises:
        DataError: the array is not such a picture.
    """
    if spec.dtype == "float32":
        return preprocess(image, spec)
    pixels = _pixels(image, spec)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1) if spec.layout == "nchw" else pixels)


def as_taken(prepared: NDArray[np.float32], spec: InputSpec) -> Input:
    """Return a normalized input as a bundle's network takes it.

    Args:
        prepared: of `preprocess`, with a batch axis or without.
        spec: dtype uint8: the network normalizes itself, and gets the pixels back.
    """
    if spec.dtype == "float32":
        return prepared
    shape = (-1, 1, 1) if spec.layout == "nchw" else (-1,)
    pixels = prepared * np.reshape(spec.std, shape) + np.reshape(spec.mean, shape)
    return np.asarray(np.clip(np.rint(pixels), 0, 255), np.uint8)


def _pixels(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Return (height, width, channels) in the wanted size and order."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise DataError(
            f"expected a picture as uint8 (H, W, 3) or (H, W), got {image.dtype} {image.shape}"
        )
    if image.ndim == 3 and image.shape[2] != 3:
        raise DataError(f"expected 3 colour channels, got {image.shape[2]}")
    return _colour(_resize(image, spec), spec)


def resize_picture(
    image: NDArray[np.uint8], size: Size, interpolation: Literal["area", "linear"]
) -> NDArray[np.uint8]:
    """Resize a picture as every network's input is.

    Args:
        image: (H, W, 3) or (H, W).
        size: width and height that it gets, pixels.
        interpolation: area falls back to linear where the picture is enlarged.
    """
    width, height = size_of(image)
    if (width, height) == size:
        return image
    shrinks = size[0] < width or size[1] < height
    method = cv2.INTER_AREA if interpolation == "area" and shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _resize(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    place = placement(size_of(image), spec)
    image = resize_picture(image, place.shown, spec.interpolation)
    right, bottom = (place.size[i] - place.shown[i] for i in (0, 1))
    if not right and not bottom:
        return image
    grey = (PADDING, PADDING, PADDING)
    filled = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=grey)
    return np.asarray(filled, np.uint8)


def _colour(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Return (H, W, channels) in the wanted order."""
    if spec.colour == "grey":
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return np.asarray(grey, np.uint8)[:, :, None]
    bgr = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
    picture = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if spec.colour == "rgb" else bgr
    return np.asarray(picture, np.uint8)
