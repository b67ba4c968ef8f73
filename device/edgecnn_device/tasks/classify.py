"""The `classify` task on the device: outputs to labels, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import LabelsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.classes import class_scores
from edgecnn.vision.placement import Size

TOP = 5
"""Labels that are given at most."""


@dataclass(frozen=True)
class Label:
    """A class with its probability."""

    label: str
    index: int
    score: float
    """0..1."""

    @property
    def decision(self) -> str:
        """What a replay must find again."""
        return self.label


def decode(
    outputs: tuple[NDArray[np.float32], ...], manifest: Manifest, size: Size
) -> tuple[Label, ...]:
    """Return the likeliest labels, at most `TOP`, best first."""
    rules = manifest.decode
    assert isinstance(rules, LabelsDecode)
    wanted = (1, 1 if rules.activation == "sigmoid" else len(rules.labels))
    if outputs[0].shape != wanted:
        raise BundleError(
            f"expected outputs {wanted}, got {outputs[0].shape}: the model does not fit its "
            "manifest"
        )
    scores = class_scores(outputs[0], rules.activation)[0]
    best = np.argsort(-scores, kind="stable")[:TOP]
    return tuple(Label(rules.labels[i], int(i), float(scores[i])) for i in best)
