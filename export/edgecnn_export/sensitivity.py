"""Measures what each layer loses by int8, in the format itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from edgecnn.bundle.manifest import Format, Precision
from edgecnn.vision.preprocess import Input
from edgecnn_device.backends import open_backend
from edgecnn_export.quantize import Ranges, layers, quantize
from edgecnn_export.tasks.base import Outputs

SAMPLES = 4


@dataclass(frozen=True)
class LayerSensitivity:
    """What the network loses by one layer."""

    layer: str
    """As the float file calls it."""
    sqnr_db: float
    """Signal to noise of the outputs with this layer alone quantized; of several outputs, the
    mean, as each is measured on its own scale."""


def measure_sensitivity(
    kind: Format, fp32: bytes, precision: Precision, ranges: Ranges, samples: Iterable[Input],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[LayerSensitivity, ...]:  # fmt: skip
    """Quantize one layer at a time, by the runtime's own kernels, and compare the outputs.

    Args:
        kind: the format.
        fp32: the float file.
        precision: a static scheme of it.
        ranges: of the float file's activations.
        samples: as the file takes them, without the batch axis; the first `SAMPLES` are used.
        progress: told how many layers of how many are done.

    Returns:
        Every layer with weights, worst first.
    """
    some = list(islice(samples, SAMPLES))
    wanted = _outputs(kind, fp32, some)
    names = layers(kind, fp32)
    rows = []
    for index, name in enumerate(names):
        others = tuple(n for n in names if n != name)
        found = _outputs(kind, quantize(kind, fp32, precision, ranges, others), some)
        rows.append(LayerSensitivity(name, measure_sqnr(wanted, found)))
        progress(index + 1, len(names))
    return tuple(sorted(rows, key=lambda row: row.sqnr_db))


def _outputs(kind: Format, model: bytes, samples: Sequence[Input]) -> list[Outputs]:
    backend = open_backend(kind, model)
    return [backend.run(x[None]) for x in samples]


def measure_sqnr(wanted: list[Outputs], found: list[Outputs]) -> float:
    """Return the signal-to-noise ratio of outputs in dB, the mean over the outputs of a network.

    Args:
        wanted: of each sample, by the float model.
        found: of each sample, by another.
    """
    decibels = []
    for index in range(len(wanted[0])):
        a = np.stack([w[index] for w in wanted]).astype(np.float64)
        noise = np.square(np.stack([f[index] for f in found]) - a).sum()
        signal = np.square(a).sum()
        decibels.append(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-20 * signal, 1e-30)))
    return float(np.mean(decibels))
