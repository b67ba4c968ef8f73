"""The gate's side of a classifier that slides over the picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, WindowsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.vision.placement import PADDING, placement, size_of
from edgecnn.vision.preprocess import Input, network_input, resize_picture
from edgecnn_export.tasks.base import GateScore, GateSet, Outputs, read_sample
from edgecnn_export.tasks.classify import ClassifyGate
from edgecnn_export.tasks.shapes import golden_shapes

SPARE = (2, 3)
"""Strides by which the gate's canvas is higher and wider than a window, where any size is taken."""

Read = Callable[[], NDArray[np.uint8]]


class SlidingGate(ClassifyGate):
    """Scores the first label of one position.

    Each labelled picture lies in the window of one position of a grey canvas, another for each
    picture in turn; the position must say what the classifier says of the picture. In a network
    with padding the canvas has a say too, so that fp32 may earn less than the classifier.
    """

    def __init__(
        self, classify: ClassifyGate, window: InputSpec, rules: WindowsDecode, spec: InputSpec
    ) -> None:
        """Prepare the gate.

        Args:
            classify: the classifier's.
            window: how the classifier's pictures are prepared.
            rules: of the manifest.
            spec: of the manifest.
        """
        super().__init__(classify.recipe)
        self.decode: Decode = rules
        self._window = window
        spare = SPARE if spec.resize == "none" else (0, 0)
        height = spec.height + spare[0] * rules.stride[0]
        width = spec.width + spare[1] * rules.stride[1]
        self._canvas = width, height
        self._stride = rules.stride
        self._rows = (height - rules.window[0]) // rules.stride[0] + 1
        self._columns = (width - rules.window[1]) // rules.stride[1] + 1

    def open(self, evaluate: Path | None) -> GateSet:
        """Open what the classifier is scored on."""
        opened = super().open(evaluate)
        reads = [s.read for s in self._dataset.samples]
        width, height = self._canvas
        return GateSet(
            tuple(partial(self._sample, i, read) for i, read in enumerate(reads)),
            f"{opened.name}, each picture in one window of a grey {width}x{height}",
            tuple(partial(read_sample, read) for read in reads),
        )

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Compare the likeliest class of each picture's position with its label."""
        rows, columns = self._position(which)
        here = outputs[0][np.arange(len(which)), :, rows, columns]
        return super().score((here,), reference, which)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes as large as the canvas."""
        return tuple(resize_picture(x, self._canvas, "linear") for x in golden_shapes(count))

    def _position(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of samples."""
        place = index % (self._rows * self._columns)
        return place // self._columns, place % self._columns

    def _sample(self, index: int, read: Read, spec: InputSpec) -> Input:
        picture = read()
        shown = placement(size_of(picture), self._window).shown
        small = resize_picture(picture, shown, self._window.interpolation)
        row, column = self._position(np.array(index))
        y, x = int(row) * self._stride[0], int(column) * self._stride[1]
        width, height = self._canvas
        canvas = np.full((height, width, *small.shape[2:]), PADDING, np.uint8)
        canvas[y : y + shown[1], x : x + shown[0]] = small
        return network_input(canvas, spec)
