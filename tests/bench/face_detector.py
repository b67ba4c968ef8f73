"""Scores a face detector against YuNet: its faces found, false faces, points, and time.

    EDGECNN_DATA=... python tests/bench/face_detector.py face-detector.edge --variant tflite-int8 \
        --points face-points.edge

What YuNet finds with a score of 0.8 and more in a whole picture is the truth: in the pictures of
LFW of the people who score (tests/bench/lfw_people.py), and in frames of the sample videos, none of
which trained or chose anything. It is found where a box overlaps it by half. Points are compared
with YuNet's mean over four views, in shares of the distance between the eyes. On 500 pictures of
ImageNet, which trained nothing either, whatever YuNet does not find with 0.6 and more counts as
false, though some may be faces; the others are counted apart. YuNet itself, shown the same few
pixels as ours, is scored beside it. Intervals are 95 %, by bootstrap of people, videos or pictures.
Times are medians, taken in turn.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from face_finders import Finder, Picture, lfw_pictures, ours, still_things, video_frames, yunet
from face_teacher import SURE, Seen, Teacher
from numpy.typing import NDArray

from edgecnn.cli.output import find_bundle, print_table
from edgecnn.vision.boxes import iou_matrix

OVERLAP = 0.5
LIKELY = 0.6
"""YuNet's score from which a face on ImageNet is no false one."""
_DRAWS = 2000


@dataclass(eq=False)
class Tally:
    """What one detector made of one set."""

    groups: list[str] = field(default_factory=list)
    """Of each picture."""
    faces: list[int] = field(default_factory=list)
    """Truth of each picture."""
    hits: list[int] = field(default_factory=list)
    likely: list[int] = field(default_factory=list)
    """Found, and a face of YuNet's with `LIKELY` and more."""
    false: list[int] = field(default_factory=list)
    """Found, and no such face."""
    errors: list[tuple[str, float]] = field(default_factory=list)
    """Group and error of the points of each face found, in eye distances."""
    milliseconds: list[float] = field(default_factory=list)


Tallies = dict[str, Tally]


def tally(pictures: Iterable[Picture], finders: dict[str, Finder], teacher: Finder) -> Tallies:
    """Show every picture to every detector in turn."""
    tallies = {name: Tally() for name in finders}
    for picture in pictures:
        seen = teacher(picture.image)
        for name, find in finders.items():
            begun = time.perf_counter()
            found = find(picture.image)
            taken = 1000 * (time.perf_counter() - begun)
            count(tallies[name], picture.group, found, seen)
            tallies[name].milliseconds.append(taken)
    return tallies


def count(into: Tally, group: str, found: Seen, seen: Seen) -> None:
    """Count one picture."""
    truth = seen.at_least(SURE)
    pairs = match(found, truth)
    likely = {row for row, _ in match(found, seen.at_least(LIKELY))}
    into.groups.append(group)
    into.faces.append(len(truth.scores))
    into.hits.append(len(pairs))
    into.likely.append(len(likely))
    into.false.append(len(found.scores) - len(likely))
    for row, column in pairs:
        eyes = float(np.hypot(*(truth.points[column, 0] - truth.points[column, 1])))
        away = np.hypot(*(found.points[row] - truth.points[column]).T)
        into.errors.append((group, float(away.mean()) / max(eyes, 1.0)))


def match(found: Seen, truth: Seen) -> list[tuple[int, int]]:
    """Return which box found which face, the best overlap first, each once."""
    overlaps = iou_matrix(found.boxes.astype(np.float32), truth.boxes.astype(np.float32))
    pairs = []
    while overlaps.size and overlaps.max() >= OVERLAP:
        row, column = (int(i) for i in np.unravel_index(overlaps.argmax(), overlaps.shape))
        pairs.append((row, column))
        overlaps[row], overlaps[:, column] = 0, 0
    return pairs


Column = NDArray[np.float64]


def interval(
    groups: Sequence[str], parts: Sequence[Sequence[float]], value: Callable[..., Column]
) -> str:
    """Return a value of sums over pictures, and its interval over resampled groups."""
    if not sum(parts[-1]):
        return ""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(parts), len(names)))
    for row, part in zip(sums, parts, strict=True):
        np.add.at(row, index, np.asarray(part, np.float64))
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _DRAWS)
    drawn = value(*(times @ row for row in sums))
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return f"{float(value(*sums.sum(1))):.2f} ({low:.2f} to {high:.2f})"


def percent(part: Column, whole: Column) -> Column:
    """Return 100 x part / whole."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(100 * np.divide(part, whole))


def recall_row(name: str, one: Tally) -> list[str]:
    """Return what a table of found faces says of a detector."""
    recall = interval(one.groups, (one.hits, one.faces), percent)
    where, errors = [g for g, _ in one.errors], [e for _, e in one.errors]
    off = interval(where, (errors, [1.0] * len(errors)), percent) if errors else ""
    median = f"{100 * float(np.median(errors)):.2f}" if errors else ""
    return [name, recall, str(sum(one.hits)), off, median, str(sum(one.false)),
            f"{np.median(one.milliseconds):.2f}"]  # fmt: skip


def show_recall(title: str, tallies: Tallies) -> None:
    """Print how many of YuNet's faces were found."""
    one = next(iter(tallies.values()))
    columns = ["", "found, %", "n", "points off, % of eyes", "median", "others found", "ms"]
    print_table(
        f"{title}: {sum(one.faces)} faces in {len(one.groups)} pictures of "
        f"{len(set(one.groups))} groups",
        columns, [recall_row(name, t) for name, t in tallies.items()],
    )  # fmt: skip


def show_false(tallies: Tallies) -> None:
    """Print how many things pass for a face."""
    rows = []
    for name, one in tallies.items():
        per = interval(one.groups, (one.false, [1.0] * len(one.false)), percent)
        bad = sum(1 for n in one.false if n)
        rows.append([name, str(sum(one.false)), per, str(bad), str(sum(one.likely)),
                     f"{np.median(one.milliseconds):.2f}"])  # fmt: skip
    number = len(next(iter(tallies.values())).groups)
    columns = ["", "false faces", "per 100 pictures", "pictures with one",
               "YuNet's faces (0.6) found", "ms"]  # fmt: skip
    print_table(f"{number} pictures of ImageNet", columns, rows)


def main() -> None:
    """Score, and print three tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=find_bundle)
    parser.add_argument("--points", type=find_bundle, help="looks at points once more, too")
    parser.add_argument("--variant", action="append", help="default: all four")
    parser.add_argument("--score", type=float, help="in place of the bundle's threshold")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 256), help="what YuNet is shown")
    parser.add_argument("--share", type=float, default=1.0, help="of the pictures, to try it out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    data = Path(os.environ["EDGECNN_DATA"])
    variants = options.variant or ["onnx-fp32", "onnx-int8", "tflite-fp32", "tflite-int8"]
    finders = {v: ours(options.bundle, v, options.score, None) for v in variants}
    if options.points is not None:
        refined = {f"{v} and points": ours(options.bundle, v, options.score, options.points)
                   for v in variants}  # fmt: skip
        finders |= refined
    name = f"YuNet, {options.size[0]} x {options.size[1]}"
    finders[name] = yunet(data, tuple(options.size), LIKELY)
    teacher = Teacher(data)
    steady = teacher.steady
    show_recall("LFW, people who score", tally(lfw_pictures(data, options.share), finders, steady))
    frames = list(video_frames(data, options.share))
    show_recall("videos", tally(frames, finders, steady))
    for group in sorted({f.group for f in frames if "-" in f.group}):  # those of no single sign
        show_recall(group, tally([f for f in frames if f.group == group], finders, steady))
    show_false(tally(still_things(data, options.share), finders, teacher))


if __name__ == "__main__":
    main()
