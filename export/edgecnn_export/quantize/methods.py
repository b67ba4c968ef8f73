"""Four ways to choose the range of an activation."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgecnn_export.quantize.observers import BINS, Histogram, MinMax

Method = Literal["minmax", "percentile", "entropy", "mse"]
METHODS: tuple[Method, ...] = get_args(Method)

KEPT = 0.9999
"""Share of the values that `percentile` keeps; what it cuts is cut half below, half above."""
LEVELS = 256
"""Steps of the 8 bits that `entropy` and `mse` choose for."""
_CANDIDATES = 128
_ZERO = BINS // 2
"""The bin whose lower edge is zero."""


def choose_range(method: Method, seen: MinMax) -> tuple[float, float]:
    """Return the lowest and highest value that a tensor's quantization shall represent.

    Args:
        method: ``minmax`` takes what was seen, ``percentile`` leaves out the rarest ends,
            ``entropy`` and ``mse`` search the range that loses the least in 8 bits.
        seen: a `Histogram` for every method but ``minmax``.

    Returns:
        The range, within what was seen; all of that where a method leaves nothing of it.
    """
    low, high = seen.low, seen.high
    if method != "minmax" and not seen.constant:
        assert isinstance(seen, Histogram)
        choose = {"percentile": _percentile, "entropy": _entropy, "mse": _mse}[method]
        low, high = choose(seen)
    low, high = max(low, seen.low), min(high, seen.high)
    return (low, high) if low < high else (seen.low, seen.high)


def _percentile(seen: Histogram) -> tuple[float, float]:
    total = np.concatenate(([0], np.cumsum(seen.counts))).astype(np.float64)
    # All the zeros lie at one point: the number below it, and then the number up to it.
    total = np.concatenate((total[: _ZERO + 1], total[_ZERO:] + seen.zeros))
    edges = np.insert(seen.edges, _ZERO, 0.0)
    cut = (1 - KEPT) / 2 * total[-1]
    low, high = np.interp((cut, total[-1] - cut), total, edges)
    return float(low), float(high)


def _entropy(seen: Histogram) -> tuple[float, float]:
    """Take the clip of least Kullback-Leibler divergence.

    Migacz, "8-bit Inference with TensorRT", GTC 2017. There the histogram is of absolute values;
    here it has two sides, clipped at the same distance, each no further than its values go. Zeros
    are left out, as they are represented exactly.
    """
    occupied = np.flatnonzero(seen.counts)
    left, right = _ZERO - min(occupied[0], _ZERO), max(occupied[-1] + 1, _ZERO) - _ZERO
    clips = np.unique(np.linspace(LEVELS, max(left, right), _CANDIDATES).astype(int))
    ends = [(_ZERO - min(clip, left), _ZERO + min(clip, right)) for clip in clips]
    losses = [_divergence(seen.counts, first, last) for first, last in ends]
    # The widest of equals: where nothing is lost, nothing is clipped.
    first, last = ends[len(ends) - 1 - int(np.argmin(losses[::-1]))]
    return float(seen.edges[first]), float(seen.edges[last])


def _divergence(counts: NDArray[np.int64], first: int, last: int) -> float:
    """Return KL(P || Q): P has the clipped values in its end bins, Q is quantized without them."""
    inside = counts[first:last].astype(np.float64)
    clipped = inside.copy()
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last:].sum()
    held = clipped > 0
    level = np.arange(inside.size) * LEVELS // inside.size
    mass = np.bincount(level, inside, LEVELS)
    spread = mass / np.maximum(np.bincount(level, held, LEVELS), 1)
    p = clipped[held] / clipped.sum()
    q = np.maximum(spread[level[held]] / max(inside.sum(), 1), 1e-12)
    return float((p * np.log(p / q)).sum())


def _mse(seen: Histogram) -> tuple[float, float]:
    """Take the clip of least expected squared error.

    The error is that of clipping, from the histogram, plus step^2 / 12 for what stays inside:
    Banner et al., "Post training 4-bit quantization of convolutional networks for
    rapid-deployment", NeurIPS 2019, arXiv:1810.05723, section 3, with the histogram in place of a
    fitted density. The two sides are searched together.
    """
    edges, counts = seen.edges, seen.counts
    occupied = np.flatnonzero(counts)
    lows = _grid(min(occupied[0], _ZERO), _ZERO)
    highs = _grid(_ZERO, max(occupied[-1] + 1, _ZERO))
    low, high = (
        np.maximum(edges[lows], min(seen.low, 0)),
        np.minimum(edges[highs], max(seen.high, 0)),
    )
    below, lost_below = _tail(counts, edges, lows, low)
    above, lost_above = _tail(counts[::-1], -edges[::-1], BINS - highs, -high)
    step = (high[None] - low[:, None]) / (LEVELS - 1)
    inside = counts.sum() - below[:, None] - above[None]
    loss = inside * step**2 / 12 + lost_below[:, None] + lost_above[None]
    best_low, best_high = np.unravel_index(int(np.argmin(loss)), loss.shape)
    return float(low[best_low]), float(high[best_high])


def _grid(first: int, last: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(first, last, _CANDIDATES).astype(np.int64))


def _tail(
    counts: NDArray[np.int64], edges: NDArray[np.float64], cuts: NDArray[np.int64],
    ends: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Return, for each cut, how many values lie below it and their summed squared distance."""
    centres = (edges[:-1] + edges[1:]) / 2
    moments = np.zeros((3, counts.size + 1))
    for power in range(3):
        np.cumsum(counts * centres**power, out=moments[power, 1:])
    number, first, second = moments[:, cuts]
    return number, np.maximum(second - 2 * ends * first + ends**2 * number, 0)
