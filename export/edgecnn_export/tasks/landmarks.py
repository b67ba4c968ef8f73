"""The gate's side of the `landmarks` task."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode
from edgecnn.data.landmarks import PointTruth, truth_of, with_landmarks
from edgecnn.data.open import open_dataset
from edgecnn.data.point_scoring import METRIC, score_outputs
from edgecnn.data.samples import Dataset
from edgecnn.data.synth.heads import draw_head
from edgecnn.errors import DataError
from edgecnn.train.tasks.landmarks import LandmarksRecipe, open_splits
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, read_sample

GOLDEN_SEED = 20_000


class LandmarksGate:
    """Scores the share of a picture's visible points that are near enough."""

    metric = METRIC
    group = "point"

    def __init__(self, recipe: LandmarksRecipe) -> None:
        self._recipe = recipe
        self._truth: PointTruth | None = None
        self._rules = recipe.decode
        self.decode: Decode = self._rules

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, or the validation split; pictures whose places have no score stay out."""
        if evaluate is None:
            _, dataset, _ = open_splits(self._recipe, strict=True)
            name = f"the recipe's validation split, {dataset.name}"
        else:
            dataset, _ = with_landmarks(open_dataset(evaluate), strict=True)
            name = dataset.name
        if dataset.points != self._rules.names:
            raise DataError(
                f"{name}: has the points {', '.join(dataset.points)}; the run knows "
                f"{', '.join(self._rules.names)}"
            )
        return self._opened(dataset, name)

    def _opened(self, dataset: Dataset, name: str) -> GateSet:
        truth = truth_of(dataset, self._rules.normalizer)
        which = np.flatnonzero(np.isfinite(truth.scale) & truth.visible.any(1))
        self._truth = truth.take(which)
        samples = tuple(partial(read_sample, dataset.samples[i].read) for i in which)
        return GateSet(samples, name)

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Decode as the device does, and compare with the truth."""
        assert self._truth is not None
        truth = self._truth.take(which)
        found = score_outputs(outputs, self._rules, self._recipe.input, truth)
        seen = dict(zip(self._rules.names, truth.visible.sum(0).tolist(), strict=True))
        groups = tuple(Group(n, seen[n], v) for n, v in found.per_point.items())
        return GateScore(found.pck_5, found.credits, groups)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated heads: no person's."""
        return tuple(draw_head(np.random.default_rng((GOLDEN_SEED, i)))[0] for i in range(count))
