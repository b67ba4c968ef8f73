"""The gate's side of networks of someone else: labels, vectors, or outputs of any kind."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, LabelsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.images import SUFFIXES
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import labels_of, usable
from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import score_labels
from edgecnn.errors import InputError
from edgecnn.vision.classes import class_scores
from edgecnn.vision.preprocess import Input, as_taken
from edgecnn_export.calibration import CalibrationSet, Inputs, load_calibration
from edgecnn_export.tasks.base import GateScore, GateSet, Group, Outputs, read_sample
from edgecnn_export.tasks.shapes import golden_shapes


class ForeignGate:
    """Scores labels where the gate set has those of the network; otherwise what fp32 says.

    Without labels the metric is `agreement` (of the first label) or `cosine` (of each output with
    that of fp32; of a sample's outputs the least counts).
    """

    group = "class"

    def __init__(self, decode: Decode, spec: InputSpec) -> None:
        self.decode = decode
        self._spec = spec
        self._labels: NDArray[np.int64] | None = None
        self._held_back: GateSet | None = None

    @property
    def metric(self) -> str:
        """accuracy, agreement or cosine."""
        if not isinstance(self.decode, LabelsDecode):
            return "cosine"
        return "agreement" if self._labels is None else "accuracy"

    def hold_back(self, part: GateSet) -> None:
        """Keep a part of the calibration set, to be scored where no dataset is given."""
        self._held_back = part

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, whatever --calibration takes too, or what was held back from it."""
        self._labels = None
        if evaluate is None:
            if self._held_back is None:
                raise InputError("a source without a recipe needs --evaluate or --calibration")
            return self._held_back
        if not isinstance(self.decode, LabelsDecode) or _unlabelled(evaluate):
            return gate_set(load_calibration(evaluate, self._spec))
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


def _unlabelled(path: Path) -> bool:
    """Tell arrays and folders of pictures alone, which have no labels."""
    if path.suffix.lower() in (".npy", ".npz"):
        return True
    return path.is_dir() and all(p.is_file() and p.suffix.lower() in SUFFIXES
                                 for p in path.iterdir())  # fmt: skip


def gate_set(held: CalibrationSet) -> GateSet:
    """Return samples without labels as what a gate scores."""
    count = len(held.hashes)
    return GateSet(tuple(partial(_read, held.inputs, i) for i in range(count)), held.id)


def _read(inputs: Inputs, index: int, spec: InputSpec) -> Input:
    return as_taken(inputs[index], spec)


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
