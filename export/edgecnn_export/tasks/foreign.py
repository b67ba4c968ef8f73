"""The gate's side of networks of someone else: labels, vectors, or outputs of any kind."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Decode, LabelsDecode
from edgecnn.data.images import list_images, read_image
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import labels_of, usable
from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import score_labels
from edgecnn.errors import InputError
from edgecnn.vision.classes import class_scores
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, Sample, read_sample
from edgecnn_export.tasks.shapes import golden_shapes


class ForeignGate:
    """Scores labels where the gate set has those of the network; otherwise what fp32 says.

    Without labels the metric is `agreement` (of the first label) or `cosine` (of each output with
    that of fp32; of a sample's outputs the least counts).
    """

    group = "class"

    def __init__(self, decode: Decode) -> None:
        self.decode = decode
        self._labels: NDArray[np.int64] | None = None
        self._held_back: GateSet | None = None

    @property
    def metric(self) -> str:
        """accuracy, agreement or cosine."""
        if not isinstance(self.decode, LabelsDecode):
            return "cosine"
        return "agreement" if self._labels is None else "accuracy"

    def hold_back(self, samples: tuple[Sample, ...], name: str) -> None:
        """Keep a part of the calibration set, to be scored where no dataset is given."""
        self._held_back = GateSet(samples, name)

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, a folder of pictures, or what was held back from calibration."""
        self._labels = None
        if evaluate is None:
            if self._held_back is None:
                raise InputError("a source without a recipe needs --evaluate or --calibration")
            return self._held_back
        if pictures := _pictures(evaluate):
            samples = tuple(partial(read_sample, partial(read_image, p)) for p in pictures)
            return GateSet(samples, evaluate.name)
        dataset, _ = usable(open_dataset(evaluate), strict=True)
        self._labels = self._positions(dataset)
        samples = tuple(partial(read_sample, s.read) for s in dataset.samples)
        return GateSet(samples, dataset.name)

    def _positions(self, dataset: Dataset) -> NDArray[np.int64] | None:
        """Return the label of each sample among the network's; None where they are not those."""
        known = self.decode.labels if isinstance(self.decode, LabelsDecode) else ()
        if not dataset.classes or not set(dataset.classes) <= set(known):
            return None
        positions = np.array([known.index(name) for name in dataset.classes], np.int64)
        return positions[labels_of(dataset)]

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> GateScore:
        """Score by the metric that the gate set allows."""
        if not isinstance(self.decode, LabelsDecode):
            return _graded(_least_cosine(outputs, reference))
        first = class_scores(outputs[0], self.decode.activation).argmax(1)
        if self._labels is None:
            wanted = class_scores(reference[0], self.decode.activation).argmax(1)
            return _graded((first == wanted).astype(np.float64))
        found = score_labels(first, self._labels[which], self.decode.labels)
        groups = tuple(Group(c, found.counts[c], v) for c, v in found.per_class.items())
        return GateScore(found.accuracy, tuple(map(float, found.right)), groups)

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes."""
        return golden_shapes(count)


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder that holds nothing else; they need no labels."""
    if not folder.is_dir() or any(not p.is_file() or p.suffix == ".csv" for p in folder.iterdir()):
        return []
    return list_images(folder)


def _least_cosine(outputs: Outputs, reference: Outputs) -> NDArray[np.float64]:
    """Return, for each sample, the least cosine similarity over the outputs."""
    rows = []
    for found, wanted in zip(outputs, reference, strict=True):
        a = found.reshape(len(found), -1).astype(np.float64)
        b = wanted.reshape(len(wanted), -1).astype(np.float64)
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        same = (a == b).all(1)  # two zero vectors have no angle, and no difference
        rows.append(np.where(same, 1.0, (a * b).sum(1) / np.maximum(norms, 1e-12)))
    least: NDArray[np.float64] = np.clip(np.min(rows, axis=0), 0, 1)
    return least


def _graded(credits: NDArray[np.float64]) -> GateScore:
    return GateScore(float(credits.mean()), tuple(map(float, credits)))
