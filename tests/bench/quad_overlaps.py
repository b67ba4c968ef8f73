"""Counts how often the overlap of oriented boxes is wrong, in OpenCV and here.

    python tests/bench/quad_overlaps.py

10,000 pairs of a box of 5 to 200 px and the same box moved along its own edge by a share s of its
length, whose IoU is (1 - |s|) / (1 + |s|).
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.quads import quad_ious, to_quads


def main() -> None:
    """Print wrong pairs, the largest error and the time of each."""
    rng = np.random.default_rng(0)
    number = 10_000
    turns, shares = rng.uniform(-3.1, 3.1, number), rng.uniform(-1, 1, number)
    sides, middles = rng.uniform(5, 200, (number, 2)), rng.uniform(0, 2000, (number, 2))
    moves = np.stack((np.cos(turns), np.sin(turns)), 1) * (shares * sides[:, 0])[:, None]
    a, b = (
        to_quads(np.column_stack((m, sides, turns)).astype(np.float32))
        for m in (middles, middles + moves)
    )
    wanted = (1 - np.abs(shares)) / (1 + np.abs(shares))
    ways = (("OpenCV " + cv2.__version__, _of_opencv), ("edgecnn", quad_ious))
    for name, way in ways:
        begin = time.thread_time()
        errors = np.abs(way(a, b) - wanted)
        took = 1e6 * (time.thread_time() - begin) / number
        print(f"{name:14} wrong by over 0.01: {(errors > 0.01).sum():3} of {number:,}, at most "
              f"{errors.max():.4f}; {took:.2f} us a pair")  # fmt: skip


def _of_opencv(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    common = np.array([cv2.intersectConvexConvex(p, q)[0] for p, q in zip(a, b, strict=True)])
    areas = [np.array([cv2.contourArea(q) for q in quads]) for quads in (a, b)]
    return np.asarray(common / (areas[0] + areas[1] - common), np.float32)


if __name__ == "__main__":
    main()
