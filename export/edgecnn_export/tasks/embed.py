"""The gate's side of the `embed` task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, VectorDecode
from edgecnn.data.open import open_dataset
from edgecnn.data.pair_scoring import METRIC, AllPairsScore, people_of, score_vectors
from edgecnn.data.pictures import usable
from edgecnn.data.scoring import PairedDrop
from edgecnn.train.embed_recipe import EmbedRecipe
from edgecnn.train.tasks.embed import open_splits
from edgecnn_export.tasks.base import GateSet, Group, Outputs, read_sample
from edgecnn_export.tasks.shapes import golden_shapes


@dataclass(frozen=True, eq=False)
class PairGateScore:
    """The true-accept rate, whose samples are pictures and whose interval resamples people."""

    found: AllPairsScore
    groups: tuple[Group, ...] = ()
    group_value: str = "matched"

    @property
    def value(self) -> float:
        """TAR at FMR 1e-2, 0..1."""
        return self.found.tar

    @property
    def samples(self) -> int:
        """Pictures."""
        return self.found.pictures

    def drop_to(self, other: PairGateScore) -> PairedDrop:
        """Compare on the same resampled people."""
        return self.found.drop_to(other.found)


class EmbedGate:
    """Scores how many pairs of one person match.

    A bundle has one set of thresholds for all its variants. So a variant is scored at the float
    model's threshold, and at its own where that is stricter: one that makes all faces alike would
    else match every pair, and pass.
    """

    metric = METRIC
    group = "person"

    def __init__(self, recipe: EmbedRecipe) -> None:
        self._recipe = recipe
        self._people = np.zeros(0, np.int64)
        self.decode: Decode = VectorDecode(size=recipe.model.size)

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset of people, or those that the run was validated with."""
        if evaluate is None:
            _, dataset, _ = open_splits(self._recipe, strict=True)
            name = f"the recipe's validation split, {dataset.name}"
        else:
            dataset, _ = usable(open_dataset(evaluate), strict=True)
            name = dataset.name
        self._people = people_of(dataset)
        samples = tuple(partial(read_sample, s.read) for s in dataset.samples)
        return GateSet(samples, f"{name}, {self._people.max() + 1} people")

    def score(
        self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]
    ) -> PairGateScore:
        """Compare all pairs of these pictures."""
        people = self._people[which]
        least = score_vectors(reference[0], people).threshold
        return PairGateScore(score_vectors(outputs[0], people, least))

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes: no person's picture."""
        return golden_shapes(count)
