"""One pass over the samples: their hashes, and whether their values can be what they should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import Input
from edgecnn_export.calibration.inputs import Inputs, Prepared

OVERSHOOT = 0.1
"""Share of 0..255 by which values may lie outside: bicubic resizing overshoots at edges."""
NARROW = 0.02
"""Share of 0..255 that pictures, even dark ones, use at the least."""
_WIDE = 100
"""Width of an expected range that nobody would call scaled to 0..1 or -1..1."""


def sample_hash(prepared: Input) -> str:
    """Return the content hash of one prepared sample."""
    return hashlib.sha256(np.ascontiguousarray(prepared).tobytes()).hexdigest()


def set_hash(hashes: Iterable[str]) -> str:
    """Name a set by the hashes of its samples, whatever their order."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over the samples found."""

    hashes: tuple[str, ...]
    low: NDArray[np.float32]
    """(C,) least value of each channel."""
    high: NDArray[np.float32]
    """(C,) greatest."""
    between_levels: bool
    """A nearly uniform sample has values that no 8-bit picture gives."""


def survey(inputs: Inputs, names: Sequence[str], spec: InputSpec) -> Survey:
    """Read every sample once.

    Args:
        inputs: the samples.
        names: of the samples, for messages.
        spec: what the network takes.

    Raises:
        DataError: a sample holds NaN or infinity, or cannot be read; the message names it.
    """
    low = np.full(spec.channels, np.inf, np.float32)
    high, between, hashes = -low, False, []
    axes = (0, 1) if spec.layout == "nhwc" else (1, 2)
    for name, sample in zip(names, inputs, strict=True):
        least, greatest = sample.min(axis=axes), sample.max(axis=axes)
        if not (np.isfinite(least).all() and np.isfinite(greatest).all()):
            raise DataError(f"{name}: holds NaN or infinity")
        low, high = np.minimum(low, least), np.maximum(high, greatest)
        if _spread(least, greatest, spec) < NARROW:
            between = between or _between_levels(sample, spec)
        hashes.append(sample_hash(sample))
    return Survey(tuple(hashes), low, high, between)


def check_values(found: Survey, place: str, spec: InputSpec, prepared_here: bool) -> list[str]:
    """Tell whether the values can be prepared pictures.

    Args:
        found: by `survey`.
        place: the set, for messages.
        spec: how pictures are prepared.
        prepared_here: by our own preprocessing, which cannot get the scale wrong.

    Returns:
        Warnings: what is possible and yet seldom meant.

    Raises:
        DataError: no picture prepared by ``spec`` has such values.
    """
    mean, std = np.asarray(spec.mean, np.float64), np.asarray(spec.std, np.float64)
    ends = float((-mean / std).min()), float(((255 - mean) / std).max())
    low, high = float(found.low.min()), float(found.high.max())
    facts = f"{place}: expected values of {ends[0]:.4g}..{ends[1]:.4g}, got {low:.4g}..{high:.4g}"
    pixels = found.low * std + mean, found.high * std + mean
    room = OVERSHOOT * 255
    if float(pixels[0].min()) < -room or float(pixels[1].max()) > 255 + room:
        raise DataError(f"{facts}: give (pixel - mean) / std, mean {_few(mean)}, std {_few(std)}")
    if _spread(found.low, found.high, spec) < NARROW:
        scaled = ends[1] - ends[0] > _WIDE and low >= -1.01 and high <= 1.01
        if scaled and found.between_levels:
            raise DataError(f"{facts}: they look scaled to {'0' if low >= 0 else '-1'}..1")
        return [f"{facts}: less than {NARROW:.0%} of the range is used: check the samples"]
    # The whole of 0..1 and nothing else: pictures without a pixel darker than middle grey.
    if not prepared_here and ends[0] < -0.5 and 0 <= low < 0.02 and 0.98 < high <= 1:
        return [f"{facts}: they look scaled to 0..1: check how they were prepared"]
    return []


def _spread(low: NDArray[np.float32], high: NDArray[np.float32], spec: InputSpec) -> float:
    """Return the share of 0..255 that the widest channel uses."""
    width = high.astype(np.float64) - low
    return float((width * np.asarray(spec.std)).max()) / 255


def _between_levels(sample: Prepared, spec: InputSpec) -> bool:
    values = sample if spec.layout == "nhwc" else sample.transpose(1, 2, 0)
    levels = values * np.asarray(spec.std) + np.asarray(spec.mean)
    return float(np.abs(levels - np.rint(levels)).max()) > 0.02


def _few(numbers: NDArray[np.float64]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers)
