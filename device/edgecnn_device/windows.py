"""Slides a window over a picture and classifies what each position shows.

The picture is resized to several scales, so that things larger than the window come down to it;
windows of all scales then compete. What a convolutional copy of the network gives at once (see
`edgecnn.models.convolutional`) costs one run per window here, but any classifier will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import LabelsDecode, Suppression, WindowsDecode
from edgecnn.bundle.manifest import InputSpec, Manifest
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.boxes import Boxes
from edgecnn.vision.placement import Placement, Size, size_of
from edgecnn.vision.preprocess import Input, network_input, resize_picture
from edgecnn.vision.windows import SUPPRESSION, best_windows, check_background, window_boxes
from edgecnn_device.runner import Runner
from edgecnn_device.tasks.detect import Box, boxes_of

AT_ONCE = 8
"""Windows given to the runtime together."""
STRIDES = 4
"""By default a window moves by this part of its side."""
SCALE_STEP = sqrt(0.5)
"""From one scale of the default pyramid to the next."""


@dataclass(frozen=True)
class SlidingOptions:
    """How a window is slid."""

    scales: tuple[float, ...] = ()
    """Of the picture; by default 1, 0.71, 0.5, ... while the window fits in."""
    window: Size | None = None
    """Width and height in pixels of the picture at scale 1; by default the network's input."""
    stride: int | None = None
    """Pixels of the network's input, both ways; by default a quarter of its shorter side."""
    background: tuple[str, ...] = ()
    """Classes that mean that nothing is there."""
    suppression: Suppression = SUPPRESSION


def detect_by_windows(
    runner: Runner, image: NDArray[np.uint8], options: SlidingOptions
) -> tuple[Box, ...]:
    """Find what a classifier knows in a picture.

    Args:
        runner: of a bundle of task `classify`.
        image: (H, W, 3) BGR.
        options: how.

    Returns:
        Boxes in pixels of the picture, the best first.

    Raises:
        BundleError: the bundle does not classify.
        InputError: options that cannot be used.
    """
    spec = runner.manifest.input
    rules = sliding_rules(runner.manifest, options)
    logits: list[NDArray[np.float32]] = []
    boxes: list[Boxes] = []
    for scale in options.scales or default_scales(_grown(image, options, spec), spec):
        inputs, place = _at_scale(image, scale, options, spec)
        corners = window_corners(place.size, (spec.width, spec.height), rules.stride[0])
        for first in range(0, len(corners), AT_ONCE):
            cut = _cut(inputs, corners[first : first + AT_ONCE], spec)
            logits.append(runner.infer_batch(cut)[0])
        boxes.append(place.to_picture(window_boxes(corners, (spec.width, spec.height))))
    found = best_windows(np.concatenate(logits), np.concatenate(boxes), rules, size_of(image))
    return boxes_of(found, rules.labels)


def sliding_rules(manifest: Manifest, options: SlidingOptions) -> WindowsDecode:
    """Return how the scores of windows are read.

    Raises:
        BundleError: the bundle does not classify.
        InputError: options that cannot be used.
    """
    labels, spec = manifest.decode, manifest.input
    if not isinstance(labels, LabelsDecode):
        raise BundleError(
            f"{manifest.name}: windows need a bundle that classifies, got task {manifest.task}"
        )
    check_background(options.background, labels.labels)
    stride = options.stride or max(1, min(spec.width, spec.height) // STRIDES)
    if stride < 1 or any(not 0 < scale <= 16 for scale in options.scales):
        raise InputError(
            "expected a stride of at least 1 and scales above 0 and at most 16, got "
            f"{options.stride} and {', '.join(map(str, options.scales))}"
        )
    return WindowsDecode(
        labels=labels.labels, activation=labels.activation, background=options.background,
        window=(spec.height, spec.width), stride=(stride, stride),
        suppression=options.suppression,
    )  # fmt: skip


def default_scales(size: Size, spec: InputSpec) -> tuple[float, ...]:
    """Return 1, 0.71, 0.5, ... while a picture of this size is no smaller than the input."""
    room = min(size[0] / spec.width, size[1] / spec.height)
    count = 1 + int(np.floor(np.log(max(room, 1)) / -np.log(SCALE_STEP) + 1e-9))
    return tuple(SCALE_STEP**i for i in range(count))


def window_corners(size: Size, window: Size, stride: int) -> NDArray[np.int64]:
    """Return (N, 2) x, y of the windows, row by row; the last ones lie flush with the far edges.

    Args:
        size: width and height to cover, no smaller than the window.
        window: width and height.
        stride: from one to the next, both ways.
    """
    xs, ys = (
        np.unique(np.append(np.arange(0, side - reach + 1, stride), side - reach))
        for side, reach in zip(size, window, strict=True)
    )
    return np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)


def _grown(image: NDArray[np.uint8], options: SlidingOptions, spec: InputSpec) -> Size:
    """Return the picture's size once the window has become the network's input."""
    window = options.window or (spec.width, spec.height)
    width, height = size_of(image)
    return (
        max(1, round(width * spec.width / window[0])),
        max(1, round(height * spec.height / window[1])),
    )


def _at_scale(
    image: NDArray[np.uint8], scale: float, options: SlidingOptions, spec: InputSpec
) -> tuple[Input, Placement]:
    """Return the prepared picture, as large as a window at least, and where it lies in that."""
    shown = tuple(max(1, round(side * scale)) for side in _grown(image, options, spec))
    smaller = resize_picture(image, (shown[0], shown[1]), spec.interpolation)
    inputs = network_input(smaller, spec.model_copy(update={"resize": "none"}))
    size = (max(shown[0], spec.width), max(shown[1], spec.height))
    return inputs, Placement(size_of(image), (shown[0], shown[1]), size)


def _cut(inputs: Input, corners: NDArray[np.int64], spec: InputSpec) -> Input:
    """Return (N, ...) windows of a prepared picture, in its layout."""
    cut = []
    for x, y in corners.tolist():
        rows, columns = slice(y, y + spec.height), slice(x, x + spec.width)
        nhwc = spec.layout == "nhwc"
        cut.append(inputs[rows, columns] if nhwc else inputs[:, rows, columns])
    return cast(Input, np.stack(cut))
