"""From the outputs of a classifier to the probabilities of its classes, on host and device."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def class_scores(
    logits: NDArray[np.float32], activation: Literal["softmax", "sigmoid"]
) -> NDArray[np.float32]:
    """Return probabilities, (N, classes).

    Args:
        logits: (N, classes), or (N, 1) with the logit of the second of two classes for sigmoid.
        activation: what the network was trained with.
    """
    wide = logits.astype(np.float64)
    if activation == "sigmoid":
        wide = np.concatenate([np.zeros_like(wide), wide], 1)  # a sigmoid is a softmax beside 0
    raised = np.exp(wide - wide.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)
