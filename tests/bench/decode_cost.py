"""Prints what a detector costs outside its network: decoding and suppression, and preprocessing.

    python tests/bench/decode_cost.py [--rounds 50]

Milliseconds of processor time on one core, the median of many pictures. The outputs are those of a
320 x 320 detector of ten classes with three levels (strides 8, 16, 32) of three anchors, 6,300
places, made as a trained one gives them: things of 12 to 120 px at random places, each found by
the dozen anchors that fit it best, with its box and logit shaken; every other logit lies about -6.
So 1,000 candidates are some 84 things, each found 12 times.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode, Suppression
from edgecnn.bundle.manifest import InputSpec
from edgecnn.vision.anchors import anchor_grid, decode_detections
from edgecnn.vision.boxes import from_centres, iou_matrix
from edgecnn.vision.placement import placement
from edgecnn.vision.preprocess import preprocess

SIDE, CLASSES, PER_THING = 320, 10, 12
SPEC = InputSpec(width=SIDE, height=SIDE, mean=(0, 0, 0), std=(255, 255, 255), resize="letterbox")
PICTURE = (640, 640)
ANCHORS = tuple(tuple((s * w, s * h) for w, h in ((1, 1), (1.4, 0.7), (0.7, 1.4))) for s in
                (20.0, 44.0, 96.0))  # fmt: skip
Outputs = list[NDArray[np.float32]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--most", type=int, default=10_000, help="leave out larger rows")
    rounds, most = parser.parse_args().rounds, parser.parse_args().most
    cv2.setNumThreads(1)
    ways = [("upright", False, False), ("soft", False, True), ("rotated", True, False),
            ("rotated soft", True, True)]  # fmt: skip
    print(f"{'candidates':>10} {'top k':>6}" + "".join(f"{name + ', ms':>18}" for name, *_ in ways))
    for count, top_k in ((10, 1000), (100, 1000), (1000, 1000), (10_000, 1000), (10_000, 10_000)):
        if count > most:
            continue
        cells = [_decoding(count, rules(top_k, *kinds), rounds) for _, *kinds in ways]
        print(f"{count:>10,} {top_k:>6}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    picture = np.random.default_rng(0).integers(0, 256, (*PICTURE[::-1], 3), np.uint8)
    took = _median([lambda: preprocess(picture, SPEC)] * rounds)
    print(f"apart from it, preprocessing {PICTURE[0]} x {PICTURE[1]}: {took:.2f} ms")


def rules(top_k: int, oriented: bool, soft: bool) -> AnchorsDecode:
    """Return the decode section of such a detector."""
    return AnchorsDecode(
        labels=tuple("abcdefghij"), strides=(8, 16, 32), anchors=ANCHORS, oriented=oriented,
        suppression=Suppression(top_k=top_k, soft=soft),
    )  # fmt: skip


def _decoding(count: int, decode: AnchorsDecode, rounds: int) -> str:
    """Return the cell of a table: ms, and how many boxes were given."""
    outputs = [make_outputs(count, decode, seed) for seed in range(min(rounds, 10))]
    place = placement(PICTURE, SPEC)
    found = [len(decode_detections(x, decode, place).boxes) for x in outputs]
    repeats = rounds if count < 10_000 else max(5, rounds // 5)
    calls = [
        partial(decode_detections, outputs[k % len(outputs)], decode, place) for k in range(repeats)
    ]
    return f"{_median(calls):.2f} ({statistics.median(found):.0f})"


def _median(calls: Sequence[Callable[[], object]]) -> float:
    times = []
    for call in calls:
        begin = time.thread_time()
        call()
        times.append(1e3 * (time.thread_time() - begin))
    return statistics.median(times)


def make_outputs(count: int, decode: AnchorsDecode, seed: int) -> Outputs:
    """Return the outputs for a picture with so many candidates of a score of 0.25 or more."""
    rng = np.random.default_rng(seed)
    grid = anchor_grid(decode, SIDE, SIDE)
    raw = rng.normal(0, 0.3, (len(grid), 8 if decode.oriented else 4)).astype(np.float32)
    logits = np.minimum(rng.normal(-6, 1, (len(grid), CLASSES)), -2).astype(np.float32)
    made = 0
    while made < count:
        box, name = _thing(rng), rng.integers(CLASSES)
        overlaps = iou_matrix(from_centres(box[None, :4]), from_centres(grid))[0]
        overlaps[logits[:, name] > -2] = -1
        places = np.argsort(-overlaps)[: min(PER_THING, count - made)]
        raw[places] = _seen_from(grid[places], box, rng)[:, : raw.shape[1]]
        logits[places, name] = rng.uniform(-1, 3, len(places))
        made += len(places)
    ends = np.cumsum([3 * (SIDE // stride) ** 2 for stride in decode.strides])[:-1]
    levels = zip(np.split(raw, ends), np.split(logits, ends), strict=True)
    return [part[None] for level in levels for part in level]


def _thing(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return middle x, y, width, height and turn."""
    sides = np.exp(rng.uniform(np.log(12), np.log(120))) * rng.uniform(0.7, 1.4, 2)
    return np.array((*rng.uniform(10, SIDE - 10, 2), *sides, rng.uniform(-3.1, 3.1)), np.float32)


def _seen_from(
    anchors: NDArray[np.float32], box: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return what a network would say there of a thing, (N, 8), shaken by some tenths."""
    middles = (box[:2] - anchors[:, :2]) / anchors[:, 2:]
    sizes = np.log(box[2:4] / anchors[:, 2:])
    pairs = [f(k * box[4]) for k in (1, 2) for f in (np.cos, np.sin)]
    turns = np.broadcast_to(pairs, (len(middles), 4))
    exact = np.concatenate((middles, sizes, turns), axis=1)
    return np.asarray(exact + rng.normal(0, 0.07, exact.shape), np.float32)


if __name__ == "__main__":
    main()
