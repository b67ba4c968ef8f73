"""Pretrained weights: found or downloaded, verified, and loaded into a network of the package."""

from edgecnn.models.weights.download import DownloadOptions, fetch
from edgecnn.models.weights.load import LoadedWeights, load_pretrained
from edgecnn.models.weights.options import WeightsSource
from edgecnn.models.weights.statistics import restore_statistics

__all__ = [
    "DownloadOptions",
    "LoadedWeights",
    "WeightsSource",
    "fetch",
    "load_pretrained",
    "restore_statistics",
]
