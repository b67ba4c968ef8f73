"""Makes a float network quantize better: fold, equalize, correct biases."""

from edgecnn_export.improve.bias import Corrected, LayerShift, correct_biases
from edgecnn_export.improve.caps import CappedReLU
from edgecnn_export.improve.equalize import EqualizationReport, Equalized, equalize
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.pairs import Pair, Refusal
from edgecnn_export.improve.rescale import rescale

__all__ = [
    "CappedReLU",
    "Corrected",
    "EqualizationReport",
    "Equalized",
    "LayerShift",
    "Pair",
    "Refusal",
    "correct_biases",
    "equalize",
    "fold_norms",
    "rescale",
]
