"""Sheets to look at: evidence for classes, channels of a feature map, filters of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.explain.layers import LAST, feature_map, find_layer
from edgecnn.explain.overlay import colour_heat, overlay
from edgecnn.explain.tiles import Picture, fit, make_sheet, square_columns

PANEL, CHANNEL, FILTER = 320, 96, 48
"""Longer side of a tile in pixels, by kind of sheet."""
MOST = 256
"""Tiles of a sheet; what is beyond is left out, and the title says so."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for one class."""

    caption: str
    """The class, its probability, and why it is shown."""
    heat: NDArray[np.float32]
    """From `grad_cam`."""


def evidence_sheet(image: NDArray[np.uint8], rows: Sequence[Evidence]) -> Picture:
    """Show the picture, the overlay and the heat map side by side, one row for each class.

    With the predicted and the true class it shows what a mistake was made of.

    Args:
        image: (H, W, 3) BGR or (H, W) grey.
        rows: the classes, first things first.
    """
    height, width = image.shape[:2]
    tiles: list[Picture] = []
    for row in rows:
        heat = cv2.resize(row.heat, (width, height), interpolation=cv2.INTER_LINEAR)
        panels = (image, overlay(image, row.heat), colour_heat(np.asarray(heat, np.float32)))
        tiles += [fit(panel, PANEL) for panel in panels]
    captions = [text for row in rows for text in ("picture", row.caption, "evidence, 0 to 1")]
    return make_sheet(tiles, captions, 3, "Grad-CAM: " + "; ".join(row.caption for row in rows))


def feature_sheet(model: nn.Module, x: Tensor, layer: str | None = None) -> Picture:
    """Show the channels of a feature map, each from its least (black) to its largest value.

    Args:
        model: maps ``x`` to logits; left as it was.
        x: (1, C, H, W).
        layer: dotted name; by default the last feature map.

    Raises:
        InputError: no such layer, or one that gives no feature map.
    """
    name = layer or LAST
    maps = feature_map(model, x, name).float().cpu().numpy()
    tiles = [fit(_stretch(channel), CHANNEL) for channel in maps[:MOST]]
    captions = [f"{name} {index}" for index in range(len(tiles))]
    shape = f"{maps.shape[2]}x{maps.shape[1]}"
    title = f"{name}: {_count(len(tiles), len(maps))} channels of {shape}"
    return make_sheet(tiles, captions, square_columns(len(tiles)), title)


def filter_sheet(
    model: nn.Module, layer: str | None = None, *, input_channel: int | None = None,
    colour: Literal["rgb", "bgr", "grey"] = "rgb",
) -> Picture:  # fmt: skip
    """Show the kernels of a convolution, each scaled by its largest weight; grey 128 is 0.

    Kernels over three channels are shown in colour, others as the mean over their input channels.

    Args:
        model: the network.
        layer: dotted name of a convolution; by default the first.
        input_channel: show only the weights of this one.
        colour: order of the network's three input channels.

    Raises:
        InputError: no such convolution or channel.
    """
    name = layer or _first_convolution(model)
    module = find_layer(model, name)
    if not isinstance(module, nn.Conv2d):
        raise InputError(f"layer {name} is a {type(module).__name__}: expected a Conv2d")
    weight = module.weight.detach().float().cpu().numpy()[:MOST]
    inputs = weight.shape[1]
    if input_channel is not None and not 0 <= input_channel < inputs:
        raise InputError(f"layer {name} has no input channel {input_channel}: 0..{inputs - 1}")
    if input_channel is not None:
        kernels, over = weight[:, input_channel], f", input channel {input_channel}"
    elif inputs == 3:
        ordered = weight[:, ::-1] if colour == "rgb" else weight
        kernels, over = ordered.transpose(0, 2, 3, 1), ""
    else:
        kernels = weight.mean(1)
        over = f", mean over {inputs} input channels" if inputs > 1 else ""
    tiles = [fit(_signed(kernel), FILTER) for kernel in kernels]
    shape = f"{weight.shape[3]}x{weight.shape[2]}"
    title = f"{name}: {_count(len(tiles), module.out_channels)} filters of {shape}{over}"
    captions = [str(index) for index in range(len(tiles))]
    return make_sheet(tiles, captions, square_columns(len(tiles)), title)


def _first_convolution(model: nn.Module) -> str:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            return str(name)
    raise InputError("the network has no convolution")


def _stretch(channel: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, span = channel.min(), np.ptp(channel)
    return np.asarray(np.rint((channel - low) * (255 / span if span > 0 else 0)), np.uint8)


def _signed(kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    largest = np.abs(kernel).max()
    return np.asarray(np.rint(128 + kernel * (127 / largest if largest > 0 else 0)), np.uint8)


def _count(shown: int, there: int) -> str:
    return str(there) if shown == there else f"{shown} of {there}"
