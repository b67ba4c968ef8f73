"""Scores a bundle of the `embed` task with the runtime of this machine."""

from __future__ import annotations

import numpy as np

from edgecnn.bundle.decode import VectorDecode
from edgecnn.data.pair_scoring import AllPairsScore, people_of, score_vectors
from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError
from edgecnn_device.runner import Runner
from edgecnn_device.tasks.embed import Embedding


def evaluate_embedder(runner: Runner, dataset: Dataset) -> AllPairsScore:
    """Score a bundle on pictures that can all be read, a class per person.

    Raises:
        DataError: the bundle is of another task, or there are no pairs.
    """
    rules = runner.manifest.decode
    if not isinstance(rules, VectorDecode):
        raise DataError(f"{runner.manifest.name}: expected a bundle of vectors, got {rules.kind}")
    found = [
        next(r.vector for r in runner(s.read()) if isinstance(r, Embedding))
        for s in dataset.samples
    ]
    return score_vectors(np.stack(found), people_of(dataset))
