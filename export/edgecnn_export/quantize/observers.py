"""What is kept of an activation while samples stream by: its ends, or a histogram of fixed size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

BINS = 8192
"""Bins of a histogram, half on each side of zero: 64 KiB per tensor."""
_CHUNK = 1 << 16
"""Values put into bins at once: their index arrays stay in the cache, which is 3 times as fast."""
_LEAST = -100
"""Of the limit's exponent: below it the number of bins per unit would not be a float32."""


class MinMax:
    """Keeps the least and the greatest value of one activation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.low = math.inf
        self.high = -math.inf

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in the activation of one sample, of any shape.

        Raises:
            DataError: it holds NaN or infinity; the message names the tensor.
        """
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"activation {self.name} holds NaN or infinity: check the sample, and whether the "
                "float model overflows"
            )
        self.low, self.high = min(self.low, low), max(self.high, high)

    @property
    def constant(self) -> bool:
        """Whether every value so far was the same."""
        return self.low == self.high


class Histogram(MinMax):
    """Counts values in bins of equal width over -limit..limit.

    The limit is the least power of two above every absolute value so far. Where it has to grow it
    doubles, and pairs of bins become one: no value crosses an edge, so the counts depend on the
    samples alone and not on their order. Exact zeros are counted apart: every quantization that
    a range can give represents them exactly.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.counts = np.zeros(BINS, np.int64)
        self.zeros = 0
        self._exponent: int | None = None

    @property
    def limit(self) -> float:
        """Where the outermost bins end; 0 before the first value other than zero."""
        return 0.0 if self._exponent is None else math.ldexp(1.0, self._exponent)

    @property
    def edges(self) -> NDArray[np.float64]:
        """The BINS + 1 edges."""
        return np.linspace(-self.limit, self.limit, BINS + 1, dtype=np.float64)

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in the activation of one sample; see `MinMax.update`."""
        super().update(values)
        flat = values.reshape(-1)
        zeros = flat.size - int(np.count_nonzero(flat))
        self.zeros += zeros
        top = max(-self.low, self.high)
        if top > 0:
            self._grow(max(math.frexp(top)[1], _LEAST))
            scale = np.float32(BINS // 2 / self.limit)
            for start in range(0, flat.size, _CHUNK):
                index = np.floor(flat[start : start + _CHUNK] * scale).astype(np.int64)
                self.counts += np.bincount(index + BINS // 2, minlength=BINS)
            self.counts[BINS // 2] -= zeros

    def _grow(self, exponent: int) -> None:
        if self._exponent is None:
            self._exponent = exponent
        while self._exponent < exponent:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[BINS // 4 : 3 * BINS // 4] = merged
            self._exponent += 1
