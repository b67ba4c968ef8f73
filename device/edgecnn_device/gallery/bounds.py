"""How near a query each row of a block may be, from the first bytes of its numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.backends.runtime import import_onnxruntime
from edgecnn_device.gallery.block import FIRST_BYTE

_DIGIT = 63
"""The greatest digit of a query. A product of an unsigned byte and a signed one of at most 64 fits
twice into 16 bits: processors without VNNI add two of them there, and saturate."""
_UNITS = _DIGIT * _DIGIT + _DIGIT // 2
_ROUNDING = 4e-6
"""Of float32 on the way, for scores up to 1."""
_ZERO = np.array(128, np.uint8)


@dataclass(frozen=True)
class Bounds:
    """Queries, cut into digits for a product of bytes.

    A query's number is unit * (63 a + b) + e with |e| <= unit / 2, and a row's is
    g * step * (f + 1/2 + d) with |d| <= 1/2, where f is its first byte less 128 and g the row's
    greatest. Their score is g * step * unit * sum((63 a + b) * (f + 1/2)) but for at most
    g * step * (sum|q| / 2 + unit / 2 * sum|f + 1/2|), which `upper` adds.
    """

    digits: NDArray[np.int8]
    """(D, 2 M): the digits a, then the digits b."""
    weights: NDArray[np.float32]
    """(2 M, M): from products of digits to scores over the row's greatest."""
    offset: NDArray[np.float32]
    """(M,): what is added to them for the halves, and for the error that there may be."""

    @classmethod
    def of(cls, queries: NDArray[np.float32]) -> Bounds:
        """Cut up queries (M, D) of length 1."""
        exact = queries.astype(np.float64)
        unit = np.abs(exact).max(1) / _UNITS
        units = np.rint(exact / unit[:, None]).astype(np.int64)
        high = np.rint(units / _DIGIT).astype(np.int64)
        digits = np.concatenate([high, units - _DIGIT * high]).T.astype(np.int8)
        weight = np.diag(unit * FIRST_BYTE)
        size = exact.shape[1]
        error = (np.abs(exact).sum(1) + unit * 128 * size) / 2
        offset = FIRST_BYTE * (unit * units.sum(1) / 2 + error)
        weights = np.concatenate([_DIGIT * weight, weight])
        return cls(np.ascontiguousarray(digits), weights.astype(np.float32),
                   offset.astype(np.float32))  # fmt: skip

    def upper(self, first: NDArray[np.uint8], greatest: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what no score of a row with a query exceeds: (M, N).

        Args:
            first: (N, D), first bytes of the rows' numbers.
            greatest: (N,), the greatest magnitude of each row.
        """
        feed = {"rows": first, "digits": self.digits, "zero": _ZERO}
        products = _session().run(None, feed)[0] @ self.weights
        products += self.offset
        products *= greatest[:, None]
        products += np.float32(_ROUNDING)
        return np.ascontiguousarray(products.T)


@cache
def _session() -> Any:
    """Return onnxruntime's product of bytes: numpy has none that is fast."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = str(Path(__file__).with_name("product.onnx"))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
