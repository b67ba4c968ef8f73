"""Chooses how ranges are chosen, by what the outputs lose on calibration samples."""

from __future__ import annotations

from itertools import islice
from typing import Literal

from edgecnn.bundle.manifest import Format, Precision
from edgecnn_device.backends import open_backend
from edgecnn_export.quantize import Method, find_scheme, quantize
from edgecnn_export.sensitivity import measure_sqnr
from edgecnn_export.workshop import PLAIN, Workshop

CANDIDATES: tuple[Method, ...] = ("minmax", "percentile", "mse")
"""entropy is left to the ladder: it clips too much of networks with ReLU6."""
SAMPLES = 32
"""Calibration samples whose outputs are compared."""


def choose_method(
    workshop: Workshop, kind: Format, precision: Precision, wanted: Method | Literal["auto"]
) -> Method:
    """Return the wanted method; for ``auto`` the one whose outputs are nearest to the float ones.

    Nearest is the signal-to-quantization-noise ratio on calibration samples: nothing of the gate
    set is looked at. Schemes of 16 bits, and saved ranges, leave no choice.
    """
    if wanted != "auto":
        return wanted
    saved = [r.method for r in workshop.saved if r.format == kind]
    if saved:
        return saved[0]
    scheme = find_scheme(kind, precision)
    if scheme.activation_bits != 8 or workshop.calibration is None:
        return "minmax"
    return _nearest(workshop, kind, precision)


def _nearest(workshop: Workshop, kind: Format, precision: Precision) -> Method:
    fp32 = workshop.float_file(kind)
    workshop.measure_together(kind, CANDIDATES)
    some = list(islice(workshop.samples(), SAMPLES))
    backend = open_backend(kind, fp32)
    exact = [backend.run(x[None]) for x in some]
    found = {}
    for method in CANDIDATES:
        workshop.progress(f"compare: {kind} {precision}, {method}")
        made = quantize(kind, fp32, precision, workshop.ranges(kind, PLAIN, method))
        backend = open_backend(kind, made)
        found[method] = measure_sqnr(exact, [backend.run(x[None]) for x in some])
    return max(CANDIDATES, key=lambda method: found[method])
