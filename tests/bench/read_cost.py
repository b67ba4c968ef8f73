"""What reading a banknote costs on one core, stage by stage: prints a table.

    python tests/bench/read_cost.py --detector note-detector.edge --reader serial-reader.edge

On frames of 1280 x 720 with one note of two prints each, drawn here at any angle with some tilt, in
the currencies' turn; or on the pictures of --frames DIR, resized to that. Without --detector the
boxes are those drawn, and finding them costs nothing. Everything runs on one core, with one thread;
medians and 95th percentiles of milliseconds over frames and rounds, after one round that warms up.

prepare: resize and normalize for the detector. decode: its outputs to boxes. pair, rectify:
duplicates, which print is whose, the crops. reader: resize, normalize and read all crops, also
upside down where they do not convince. beam: the texts of all reads; weigh: their evidence.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.images import list_images, read_image
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import default_profile
from edgecnn_device.notes import NoteReader, find, prints, reader
from edgecnn_device.notes.find import Found
from edgecnn_device.processor import processor_name
from edgecnn_device.runner import Runner, open_runner

SIZE = (1280, 720)
STAGES = ("prepare", "detector", "decode", "pair, rectify", "reader", "beam", "weigh")


class Clock:
    """Adds up the seconds of each stage of a frame."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.spent: dict[str, float] = defaultdict(float)

    def time(self, owner: object, name: str, stage: str) -> None:
        """Replace a function of a module, or a method of one object, by one that is timed."""
        work: Callable[..., Any] = getattr(owner, name)

        def timed(*given: Any) -> Any:
            begin = self.now()
            result = work(*given)
            self.spent[stage] += self.now() - begin
            return result

        vars(owner)[name] = timed


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--reader", type=Path, required=True)
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--reader-variant", help="default: --variant")
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--cpu-time", action="store_true",
        help="processor time in place of wall time: for a machine that has other work",
    )  # fmt: skip
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    frames, texts, drawn = _frames(given)
    reads = open_runner(given.reader, given.reader_variant or given.variant)
    finds = reads
    if given.detector is None:
        if not drawn:
            parser.error("--frames needs --detector")
        known = {id(frame): found for frame, found in zip(frames, drawn, strict=True)}
        vars(reader)["check_detector"] = lambda manifest: None
        vars(reader)["find_notes"] = lambda runner, image, rim: known[id(image)]
    else:
        finds = open_runner(given.detector, given.variant)
    clock = Clock(time.process_time if given.cpu_time else time.perf_counter)
    _wrap(clock, finds, reads, given.detector is not None)
    notes = NoteReader(finds, reads)
    rows: list[list[float]] = []
    right = 0
    for turn in range(-1, given.rounds):
        for frame, text in zip(frames, texts, strict=True):
            clock.spent.clear()
            begin = clock.now()
            found = notes(frame)
            whole = clock.now() - begin
            if turn >= 0:  # the first round warms up
                rows.append([*(clock.spent[stage] for stage in STAGES), whole])
                right += [note.serial for note in found] == [text]
    _print(np.array(rows), right if drawn else None, "processor" if given.cpu_time else "wall")


def _wrap(clock: Clock, finds: Runner, reads: Runner, detects: bool) -> None:
    """Time the parts of a NoteReader that is yet to be made."""
    if detects:
        for name, stage in (("prepare", "prepare"), ("infer", "detector"), ("decode", "decode")):
            clock.time(finds, name, stage)
        clock.time(find, "distinct", "pair, rectify")
    for name in ("prepare", "infer_batch"):
        clock.time(reads, name, "reader")
    for name, stage in (("pair", "pair, rectify"), ("weigh", "weigh")):
        clock.time(reader, name, stage)
    for name, stage in (("rectify", "pair, rectify"), ("look", "beam"), ("weigh", "weigh")):
        clock.time(prints, name, stage)


def _print(seconds: NDArray[np.float64], right: int | None, kind: str) -> None:
    told = "" if right is None else f", {right} of {len(seconds)} read right"
    print(f"{processor_name()}, one core, {kind} time, {len(seconds)} frames{told}")
    print(f"{'stage':14} {'median ms':>10} {'p95 ms':>8}")
    rest = seconds[:, -1:] - seconds[:, :-1].sum(1, keepdims=True)
    columns = np.concatenate((seconds[:, :-1], rest, seconds[:, -1:]), 1)
    for name, column in zip((*STAGES, "rest", "all"), 1e3 * columns.T, strict=True):
        print(f"{name:14} {np.median(column):10.2f} {np.percentile(column, 95):8.2f}")


def _frames(
    given: argparse.Namespace,
) -> tuple[list[NDArray[np.uint8]], list[str], list[Found]]:
    """Return frames; what they say and show where they are drawn."""
    if given.frames is not None:
        files = list_images(given.frames)[: given.number]
        pictures = [np.asarray(cv2.resize(read_image(f), SIZE), np.uint8) for f in files]
        return pictures, [""] * len(pictures), []
    scenes = [_scene(index) for index in range(given.number)]
    return [s[0] for s in scenes], [s[1] for s in scenes], [s[2] for s in scenes]


def _scene(index: int) -> tuple[NDArray[np.uint8], str, Found]:
    """Draw one note of 156 x 66 mm with the same serial twice."""
    rng = np.random.default_rng([41, index])
    profile = default_profile()
    margins = {"above": (0.33, 0.33), "beside": (0.33, 0.33), "clutter": 0.0}
    camera = profile.camera.model_copy(update={"glyph_px": (30, 34), "tilt": (0, 0)})
    line = LineGenerator(profile.model_copy(update={**margins, "camera": camera}), 41)(index)
    height, width = line.image.shape[:2]
    note = np.full((540, 1276, 3), line.image.mean((0, 1)), np.uint8)
    places = []
    for x, y in ((50, 60), (1226 - width, 490 - height)):
        note[y : y + height, x : x + width] = line.image
        places.append(((x, y), (x + width, y), (x + width, y + height), (x, y + height)))
    corners = np.array(((0, 0), (1276, 0), (1276, 540), (0, 540)), np.float32)
    angle, long = rng.uniform(0, 2 * np.pi), rng.uniform(640, 800)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    seen = (corners - corners.mean(0)) * (long / 1276) @ turn.T + np.array(SIZE) / 2
    seen = np.asarray(seen + rng.uniform(-0.03, 0.03, (4, 2)) * long, np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    frame = rng.integers(40, 110, (SIZE[1], SIZE[0], 3), np.uint8)
    small = cv2.resize(frame, (64, 36), interpolation=cv2.INTER_AREA)
    frame = cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    cv2.warpPerspective(
        note, matrix, SIZE, frame, cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    prints = cv2.perspectiveTransform(np.array(places, np.float32), matrix)
    return frame, line.text, Found(seen[None], np.asarray(prints, np.float32))


if __name__ == "__main__":
    main()
