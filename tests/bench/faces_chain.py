"""What a face costs on one core: find, align, judge and embed, stage by stage, beside OpenCV.

    python tests/bench/faces_chain.py --detector DETECTOR.edge --bundle EMBEDDER.edge
        [--variant onnx-int8] [--detector-variant onnx-fp32]

On frames of 640 x 480 with one face each: a picture of an LFW person of no fold (EDGECNN_DATA),
enlarged to 480 pixels high, on grey. The rival is OpenCV's own YuNet at the same 320 pixels with
the same embedder in OpenCV's DNN module, where --rival names its ONNX file. Both take each frame in
turn; medians and 95th percentiles of milliseconds of processor time, which other work on the
machine does not lengthen as it does wall time.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.cli.faces_common import find_detector
from edgecnn.vision.placement import size_of
from edgecnn_device.faces import FaceEmbedder, FaceFinder, PointRefiner
from edgecnn_device.faces.align import align, similarity
from edgecnn_device.faces.quality import judge
from edgecnn_device.processor import processor_name
from edgecnn_device.runner import open_runner

Picture = NDArray[np.uint8]
STAGES = ("find", "align", "judge", "embed")


def read_frames(data: Path, number: int) -> list[Picture]:
    """Return (480, 640, 3) frames of one face each."""
    frames: list[Picture] = []
    with tarfile.open(data / "lfw_more.tar") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not member.name.endswith(".jpg"):
                continue
            pixels = np.frombuffer(file.read(), np.uint8)
            picture = np.asarray(cv2.imdecode(pixels, cv2.IMREAD_COLOR), np.uint8)
            large = cv2.resize(picture, (480, 480))
            grey = (114, 114, 114)
            frame = cv2.copyMakeBorder(large, 0, 0, 80, 80, cv2.BORDER_CONSTANT, value=grey)
            frames.append(np.asarray(frame, np.uint8))
            if len(frames) == number:
                break
    return frames


def ours(finder: FaceFinder, embed: FaceEmbedder) -> Callable[[Picture], list[float]]:
    """Return what runs our chain on a frame, and gives the seconds of each stage."""

    def run(frame: Picture) -> list[float]:
        marks = [time.process_time()]
        found = finder(frame)
        marks.append(time.process_time())
        crops = [align(frame, face.points) for face in found[:1]]
        marks.append(time.process_time())
        for face, crop in zip(found, crops, strict=False):
            judge(face, crop, size_of(frame))
        marks.append(time.process_time())
        for crop in crops:
            embed(crop)
        marks.append(time.process_time())
        return np.diff(marks).tolist() if found else []

    return run


def theirs(yunet: Path, embedder: Path) -> Callable[[Picture], list[float]]:
    """Return what runs OpenCV's chain on a frame: the same steps, without a check of quality."""
    find = cv2.FaceDetectorYN.create(str(yunet), "", (320, 240), 0.6)
    network = cv2.dnn.readNet(str(embedder))

    def run(frame: Picture) -> list[float]:
        marks = [time.process_time()]
        found = find.detect(cv2.resize(frame, (320, 240)))[1]
        marks.append(time.process_time())
        if found is None:
            return []
        points = np.asarray(2 * found[0, 4:14].reshape(5, 2), np.float32)
        crop = cv2.warpAffine(frame, similarity(points), (112, 112))
        marks.append(time.process_time())
        marks.append(time.process_time())
        blob = cv2.dnn.blobFromImage(crop, 1 / 57.6, (112, 112), (123.7, 116.3, 103.5), True)
        network.setInput(blob)
        network.forward()
        marks.append(time.process_time())
        return np.diff(marks).tolist()

    return run


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", required=True, help="as of `edgecnn faces`")
    parser.add_argument("--detector-variant")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--variant")
    parser.add_argument("--rival", type=Path, nargs=2, metavar=("YUNET.onnx", "EMBEDDER.onnx"))
    parser.add_argument("--number", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    found, points = find_detector(given.detector)
    detector = open_runner(found, given.detector_variant)
    refine = None if points is None else PointRefiner(open_runner(points))
    embedder = open_runner(given.bundle, given.variant)
    runs = {"edgecnn": ours(FaceFinder(detector, refine=refine), FaceEmbedder(embedder))}
    if given.rival:
        runs["OpenCV"] = theirs(*given.rival)
    frames = read_frames(Path(os.environ.get("EDGECNN_DATA", "shared/data")), given.number)
    times: dict[str, list[list[float]]] = {name: [] for name in runs}
    for turn in range(-1, given.rounds):
        for frame in frames:
            for name, run in runs.items():
                spent = run(frame)
                if turn >= 0 and spent:  # the first round warms up
                    times[name].append(spent)
    print(f"{processor_name()}, one core, {detector.variant.format}-{detector.variant.precision} "
          f"detector, {embedder.variant.format}-{embedder.variant.precision} embedder")  # fmt: skip
    for name, rows in times.items():
        table = 1e3 * np.array(rows)
        columns = np.column_stack((table, table.sum(1))).T
        print(f"{name}: {len(rows)} of {len(frames) * given.rounds} frames with a face")
        for stage, column in zip((*STAGES, "all"), columns, strict=True):
            print(f"  {stage:6} {np.median(column):8.2f} {np.percentile(column, 95):8.2f} p95")


if __name__ == "__main__":
    main()
