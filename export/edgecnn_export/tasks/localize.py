"""The gate's side of the `localize` task."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import BoxDecode, Decode
from edgecnn.data.localization import single_objects
from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Dataset
from edgecnn.data.synth.boxes import BoxesOptions, draw_boxes
from edgecnn.errors import DataError
from edgecnn.train.tasks.localize import METRIC, LocalizeRecipe, open_splits, score_outputs
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, read_sample
from edgecnn_export.tasks.shapes import GOLDEN_SEED


class LocalizeGate:
    """Scores presence, class and box together."""

    metric = METRIC
    group = "class"

    def __init__(self, recipe: LocalizeRecipe) -> None:
        self._recipe = recipe
        self._dataset = Dataset("", (), ())
        self._rules = BoxDecode(labels=recipe.data.classes)
        self.decode: Decode = self._rules

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, or the validation split that the run was trained with."""
        if evaluate is None:
            _, self._dataset, _ = open_splits(self._recipe, strict=True)
            name = f"the recipe's validation split, {self._dataset.name}"
        else:
            self._dataset, _ = single_objects(open_dataset(evaluate), strict=True)
            name = self._dataset.name
        if self._dataset.classes != self._recipe.data.classes:
            raise DataError(
                f"{name}: has the classes {', '.join(self._dataset.classes)}; the run knows "
                f"{', '.join(self._recipe.data.classes)}"
            )
        return GateSet(tuple(partial(read_sample, s.read) for s in self._dataset.samples), name)

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Decode as the device does, and compare with the box and its class."""
        samples = tuple(self._dataset.samples[i] for i in which)
        chosen = Dataset(self._dataset.name, self._dataset.classes, samples)
        found = score_outputs(outputs, chosen, self._rules, self._recipe.input)
        groups = tuple(Group(c, found.counts[c], v) for c, v in found.per_class.items())
        return GateScore(found.value, found.credits, groups)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes, one each or none."""
        options = BoxesOptions(most=1)
        return tuple(
            draw_boxes(options, np.random.default_rng((GOLDEN_SEED, i))).image for i in range(count)
        )
