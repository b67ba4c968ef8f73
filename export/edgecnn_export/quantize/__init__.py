"""Calibration and quantization: ranges measured on samples, and the file of every scheme."""

from edgecnn_export.quantize.apply import layers, quantize
from edgecnn_export.quantize.measure import measure_many, measure_ranges
from edgecnn_export.quantize.methods import METHODS, Method
from edgecnn_export.quantize.ranges import Ranges, TensorRange
from edgecnn_export.quantize.saved import load_ranges, pick_ranges, save_ranges
from edgecnn_export.quantize.schemes import SCHEMES, Scheme, find_scheme, supported

__all__ = [
    "METHODS",
    "SCHEMES",
    "Method",
    "Ranges",
    "Scheme",
    "TensorRange",
    "find_scheme",
    "layers",
    "load_ranges",
    "measure_many",
    "measure_ranges",
    "pick_ranges",
    "quantize",
    "save_ranges",
    "supported",
]
