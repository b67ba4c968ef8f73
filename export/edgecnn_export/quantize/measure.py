"""Measures the ranges of a model's activations in one pass over any number of samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Calibration, Format
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import Input
from edgecnn_export.calibration import sample_hash, set_hash
from edgecnn_export.quantize.methods import METHODS, Method, choose_range
from edgecnn_export.quantize.observers import Histogram, MinMax
from edgecnn_export.quantize.ranges import Ranges, TensorRange


class Tap(Protocol):
    """A float model that shows its activations."""

    def run(self, sample: Input) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run (1, ...) and yield the name and values of the input and of every activation."""
        ...


def measure_ranges(
    kind: Format, model: bytes, samples: Iterable[Input], method: Method,
    name: str = "",
) -> Ranges:  # fmt: skip
    """Measure ranges by one method; see `measure_many`."""
    return measure_many(kind, model, samples, (method,), name)[0]


def measure_many(
    kind: Format, model: bytes, samples: Iterable[Input], methods: Sequence[Method],
    name: str = "",
) -> tuple[Ranges, ...]:  # fmt: skip
    """Measure ranges by several methods at once.

    Memory holds the activations of one sample and, per activation, a histogram of fixed size: it
    does not grow with the samples, which are taken one by one and not kept.

    Args:
        kind: the format of the model.
        model: an fp32 file.
        samples: each as the model takes it, without the leading axis of 1.
        methods: of `METHODS`.
        name: of the calibration set, for the record.

    Returns:
        The ranges of each method.

    Raises:
        DataError: an unknown method, no samples, or an activation with NaN or infinity; the message
            names the first such activation and the sample, counted from 0.
    """
    for method in methods:
        if method not in METHODS:
            raise DataError(f"unknown range method {method!r}: expected {', '.join(METHODS)}")
    observer = MinMax if all(m == "minmax" for m in methods) else Histogram
    tap = _open_tap(kind, model)
    seen: dict[str, MinMax] = {}
    hashes: list[str] = []
    for index, sample in enumerate(samples):
        hashes.append(sample_hash(sample))
        try:
            _observe(tap, sample, observer, seen)
        except DataError as error:
            raise DataError(f"calibration sample {index}: {error}") from error
    if not hashes:
        raise DataError("no calibration samples: ranges need at least one")
    calibration = Calibration(id=name, sha256=set_hash(hashes), samples=len(hashes))
    facts = (calibration, tuple(sorted(hashes)))
    return tuple(_ranges(kind, model, method, facts, seen) for method in methods)


def _observe(tap: Tap, sample: Input, observer: type[MinMax], seen: dict[str, MinMax]) -> None:
    for name, values in tap.run(sample[None]):
        if name not in seen:
            seen[name] = observer(name)
        seen[name].update(values)


def _open_tap(kind: Format, model: bytes) -> Tap:
    if kind == "onnx":
        from edgecnn_export.quantize.tap_onnx import OnnxTap

        return OnnxTap(model)
    from edgecnn_export.quantize.tap_tflite import TfliteTap

    return TfliteTap(model)


def _ranges(
    kind: Format, model: bytes, method: Method, facts: tuple[Calibration, tuple[str, ...]],
    seen: dict[str, MinMax],
) -> Ranges:  # fmt: skip
    tensors = []
    for name in sorted(seen):
        low, high = np.asarray(choose_range(method, seen[name]), np.float32)
        tensors.append(TensorRange(name, float(low), float(high)))
    constant = tuple(name for name in sorted(seen) if seen[name].constant)
    sha256 = hashlib.sha256(model).hexdigest()
    return Ranges(kind, sha256, method, *facts, tuple(tensors), constant)
