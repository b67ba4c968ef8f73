"""Scores classifiers alone, with several crops, and together, with what each costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.data.pictures import labels_of
from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import ClassScore, PairedDrop, paired_drop, score_labels
from edgecnn.errors import DataError
from edgecnn.train.memory import keep_freed_memory
from edgecnn.train.pictures import prepared
from edgecnn.train.run import LoadedRun, load_run
from edgecnn.train.tasks.classify import probabilities
from edgecnn.vision.crops import multi_crop

Probabilities = NDArray[np.float32]
"""(N, classes)."""


BATCH = 32
"""Inputs of one forward pass."""


@dataclass(frozen=True)
class Row:
    """One way of answering, scored."""

    name: str
    passes: int
    """Forward passes per picture."""
    ms: float
    """Wall time per picture, preparation included, on this machine."""
    score: ClassScore
    gain: PairedDrop | None
    """Against the first row: negative points are a gain; None for the first row itself."""


@dataclass(frozen=True)
class _Answer:
    name: str
    passes: int
    seconds: float
    found: Probabilities


def evaluate_runs(
    runs: Sequence[Path], dataset: Dataset, crops: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[Row, ...]:  # fmt: skip
    """Score one run, or several and their ensemble, on labelled pictures.

    The ensemble averages probabilities; so do the crops of a picture.

    Args:
        runs: folders of classifiers with the same classes.
        dataset: pictures that can all be read.
        crops: 1, 2, 5 or 10 looks at each picture, see `multi_crop`.
        progress: told each way before it is run.

    Raises:
        DataError: the classes of a run are not those of the dataset.
    """
    keep_freed_memory()
    answers: list[_Answer] = []
    for views in dict.fromkeys((1, crops)):
        members = []
        for path in runs:
            name = path.name if views == 1 else f"{path.name}, {views} crops"
            progress(name)
            members.append(_answer(_open(path, dataset), name, dataset, views))
        answers += members
        if len(members) > 1:
            answers.append(_together(members, views))
    labels = labels_of(dataset)
    scores = [score_labels(a.found.argmax(1), labels, dataset.classes) for a in answers]
    return tuple(
        Row(a.name, a.passes, 1000 * a.seconds / len(labels), score,
            paired_drop(scores[0].right, score.right) if i else None)
        for i, (a, score) in enumerate(zip(answers, scores, strict=True))
    )  # fmt: skip


def _open(path: Path, dataset: Dataset) -> LoadedRun:
    run = load_run(path)
    if run.classes != dataset.classes:
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.classes)}; {path} knows "
            f"{', '.join(run.classes) or 'none'}"
        )
    return run


@torch.inference_mode()
def _answer(run: LoadedRun, name: str, dataset: Dataset, views: int) -> _Answer:
    begun = time.monotonic()
    few = max(1, BATCH // views)
    inputs = prepared(dataset, run.input, few, partial(multi_crop, views=views))
    found = probabilities(torch.cat([run.model(x) for x in inputs]))
    mean = found.reshape(len(dataset.samples), views, -1).mean(1)
    return _Answer(name, views, time.monotonic() - begun, mean)


def _together(members: Sequence[_Answer], views: int) -> _Answer:
    name = f"ensemble of {len(members)}" + (f", {views} crops" if views > 1 else "")
    found = cast(Probabilities, np.mean([m.found for m in members], axis=0))
    return _Answer(name, sum(m.passes for m in members), sum(m.seconds for m in members), found)
