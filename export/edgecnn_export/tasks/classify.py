"""The gate's side of the `classify` task."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, LabelsDecode
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import labels_of, usable
from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import score_labels
from edgecnn.errors import DataError
from edgecnn.train.tasks.classify import ClassifyRecipe, open_splits
from edgecnn.vision.classes import class_scores
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, read_sample
from edgecnn_export.tasks.shapes import golden_shapes


class ClassifyGate:
    """Scores the first label."""

    metric = "accuracy"
    group = "class"

    def __init__(self, recipe: ClassifyRecipe) -> None:
        self.recipe = recipe
        self._dataset = Dataset("", (), ())
        self.decode: Decode = LabelsDecode(labels=recipe.data.classes, activation=recipe.loss.kind)

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, or the validation split that the run was trained with."""
        if evaluate is None:
            _, self._dataset, _ = open_splits(self.recipe, strict=True)
            name = f"the recipe's validation split, {self._dataset.name}"
        else:
            self._dataset, _ = usable(open_dataset(evaluate), strict=True)
            name = self._dataset.name
        if self._dataset.classes != self.recipe.data.classes:
            raise DataError(
                f"{name}: has the classes {', '.join(self._dataset.classes)}; the run knows "
                f"{', '.join(self.recipe.data.classes)}"
            )
        return GateSet(tuple(partial(read_sample, s.read) for s in self._dataset.samples), name)

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Compare the likeliest class with the label."""
        scores = class_scores(outputs[0], self.recipe.loss.kind)
        labels = labels_of(self._dataset)[which]
        found = score_labels(scores.argmax(1), labels, self._dataset.classes)
        groups = tuple(Group(c, found.counts[c], v) for c, v in found.per_class.items())
        return GateScore(found.accuracy, tuple(map(float, found.right)), groups)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes."""
        return golden_shapes(count)
