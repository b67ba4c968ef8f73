"""The gate's side of the `read` task."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, ReadDecode
from edgecnn.data.lines import load_lines
from edgecnn.data.samples import LineSample
from edgecnn.data.scoring import score_readings
from edgecnn.data.synth.degrade import Camera
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.train.tasks.read import ReadRecipe, validation_samples
from edgecnn.vision.ctc import decode_serial
from edgecnn.vision.serials import GLYPHS, GRAMMARS
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, read_sample

MIN_CONFIDENCE = 0.05
"""The lowest of 0, 0.02, 0.05, 0.1, ... above which no line without a serial, drawn like the
validation split, was read (0 of 500)."""


class ReadGate:
    """Scores whole serials."""

    metric = "serial_exact"
    group = "currency"

    def __init__(self, recipe: ReadRecipe) -> None:
        self._recipe = recipe
        self._samples: tuple[LineSample, ...] = ()
        self.decode: Decode = ReadDecode(
            charset=GLYPHS, currencies=tuple(GRAMMARS), min_confidence=MIN_CONFIDENCE
        )

    def open(self, evaluate: Path | None) -> GateSet:
        """Open labelled lines, or draw the validation split."""
        found = validation_samples(self._recipe) if evaluate is None else load_lines(evaluate)
        self._samples = tuple(found)
        name = "the recipe's validation split (generated)" if evaluate is None else evaluate.name
        return GateSet(tuple(partial(read_sample, partial(_picture, s)) for s in found), name)

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Decode as the device does, and compare with the labels."""
        readings = [decode_serial(x, GLYPHS, tuple(GRAMMARS), MIN_CONFIDENCE) for x in outputs[0]]
        found = score_readings(readings, [self._samples[i] for i in which])
        groups = tuple(Group(c, found.counts[c], v) for c, v in found.per_currency.items())
        return GateScore(found.exact, tuple(map(float, found.right)), groups)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw clear lines of the validation split's fonts, from another seed.

        Integer kernels differ a little between processors: a doubtful line may be decided
        otherwise on a board, and says nothing there.
        """
        lines = self._recipe.data.validation.model_copy(update=_CLEAR)
        generator = LineGenerator(lines, lines.seed + 1)
        return tuple(np.ascontiguousarray(generator(i).image) for i in range(count))


_CLEAR = {
    "camera": Camera(blur=(0, 0.02), motion=(0, 0), noise=(0, 2), jpeg=(92, 97), shade=(0, 0.1),
                     glare=0, tilt=(-0.02, 0.02), glyph_px=(22, 30)),
    "clutter": 0.0, "negatives": 0.0, "contrast": 120, "guilloche": (1, 4),
}  # fmt: skip


def _picture(sample: LineSample) -> NDArray[np.uint8]:
    return sample.image
