"""Makes a float network quantize better: fold, equalize, correct biases, find the worst layers."""

from edgecnn_export.improve.bias import Corrected, LayerShift, correct_biases
from edgecnn_export.improve.caps import CappedReLU
from edgecnn_export.improve.equalize import EqualizationReport, Equalized, equalize
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.names import NamedLayer, name_onnx_layers, name_tflite_layers
from edgecnn_export.improve.pairs import Pair, Refusal
from edgecnn_export.improve.rescale import rescale
from edgecnn_export.improve.sensitivity import LayerSensitivity, measure_sensitivity

__all__ = [
    "CappedReLU",
    "Corrected",
    "EqualizationReport",
    "Equalized",
    "LayerSensitivity",
    "LayerShift",
    "NamedLayer",
    "Pair",
    "Refusal",
    "correct_biases",
    "equalize",
    "fold_norms",
    "measure_sensitivity",
    "name_onnx_layers",
    "name_tflite_layers",
    "rescale",
]
