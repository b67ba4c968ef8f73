"""Decodes the columns of a CTC reader into a serial number that a grammar accepts.

Graves et al., "Connectionist Temporal Classification", ICML 2006. The best path is taken first;
where that is no serial, the likeliest one that the grammars accept (`edgecnn.vision.beam`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.beam import beam_search
from edgecnn.vision.serials import parse

Array = NDArray[np.float32]


@dataclass(frozen=True)
class SerialReading:
    """A serial read from one picture."""

    text: str
    """Canonical form."""
    confidence: float
    """0..1. Product of the characters' probabilities, each at its clearest column, where the best
    path is a serial; else the probability of the serial, summed over its alignments."""
    currency: str

    @property
    def decision(self) -> str:
        """What a replay must find again."""
        return self.text


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)


def best_path(log_probabilities: Array, charset: str) -> tuple[str, float]:
    """Collapse the most likely class of each column.

    Args:
        log_probabilities: (T, 1 + len(charset)); class 0 is the blank.
        charset: the characters of classes 1, 2, ...

    Returns:
        The characters, and the product of their peak probabilities (1.0 for an empty string).
    """
    classes = log_probabilities.argmax(1)
    peaks = log_probabilities[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.concatenate(([True], classes[1:] != classes[:-1])))
    run_peak = np.maximum.reduceat(peaks, starts)
    run_class = classes[starts]
    kept = run_class > 0
    text = "".join(charset[c - 1] for c in run_class[kept])
    return text, float(np.exp(run_peak[kept].sum()))


def decode_serial(
    logits: Array, charset: str, currencies: tuple[str, ...], min_confidence: float
) -> SerialReading | None:
    """Read one serial.

    Args:
        logits: (T, 1 + len(charset)) raw network output.
        charset: the characters of classes 1, 2, ...
        currencies: currencies whose grammars may explain the picture.
        min_confidence: below this nothing is returned.

    Returns:
        The reading, or None where there is nothing that a grammar explains well enough, or where a
        logit is not finite.
    """
    if not np.isfinite(logits).all():
        return None
    log_p = log_softmax(logits)
    glyphs, confidence = best_path(log_p, charset)
    if not glyphs:
        return None
    reading = parse(glyphs, currencies)
    if reading is not None:
        found = SerialReading(reading.text, confidence, reading.currency)
    else:
        best = beam_search(log_p, charset, currencies, keep=1)
        if not best:
            return None
        sure = min(1.0, float(np.exp(best[0].log_probability)))
        found = SerialReading(best[0].text, sure, best[0].currency)
    return found if found.confidence >= min_confidence else None
