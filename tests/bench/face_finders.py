"""Face detectors of one shape, ours and YuNet, and the pictures that score them."""

from __future__ import annotations

import csv
import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from face_teacher import MODEL, NAMES, Image, Seen, decode, read_lfw

from edgecnn_device import open_runner
from edgecnn_device.faces import FaceFinder, PointRefiner

Finder = Callable[[Image], Seen]
VIDEOS = 24
"""Frames of each video, spread evenly."""
_PADDING = (114, 114, 114)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, and what it is not independent of."""

    group: str
    """A person, or a video."""
    image: Image


def ours(bundle: Path, variant: str, score: float | None, points: Path | None) -> Finder:
    """Return a bundle that detects, at its own threshold or another, on upright pictures alone.

    Args:
        bundle: the detector.
        variant: of it, and of what looks at points.
        score: least one; default: the bundle's.
        points: what looks at the points of each face once more.
    """
    runner = open_runner(bundle, variant)
    if score is not None:
        rules = runner.manifest.decode
        suppression = rules.suppression.model_copy(update={"min_score": score})  # type: ignore[union-attr]
        runner = runner.with_decode(rules.model_copy(update={"suppression": suppression}))

    refine = None if points is None else PointRefiner(open_runner(points, variant))
    finder = FaceFinder(runner, sure=0, refine=refine)

    def find(picture: Image) -> Seen:
        found = finder(picture)
        return Seen(
            np.array([face.box for face in found], np.float64).reshape(-1, 4),
            np.array([face.points for face in found], np.float64).reshape(-1, len(NAMES), 2),
            np.array([face.score for face in found], np.float64),
        )

    return find


def yunet(data: Path, size: tuple[int, int], score: float) -> Finder:
    """Return YuNet, shown a picture letterboxed into width x height, as ours is."""
    model = cv2.FaceDetectorYN.create(str(data / MODEL), "", size, score)

    def find(picture: Image) -> Seen:
        height, width = picture.shape[:2]
        scale = min(size[0] / width, size[1] / height)
        shown = max(1, round(width * scale)), max(1, round(height * scale))
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, shown, interpolation=smooth)
        small = cv2.copyMakeBorder(small, 0, size[1] - shown[1], 0, size[0] - shown[0],
                                   cv2.BORDER_CONSTANT, value=_PADDING)  # fmt: skip
        found = model.detect(small)[1]
        rows = np.zeros((0, 15)) if found is None else np.asarray(found, np.float64)
        boxes = np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:4]), axis=1) / scale
        return Seen(boxes, rows[:, 4:14].reshape(-1, 5, 2) / scale, rows[:, 14])

    return find


def lfw_pictures(data: Path, share: float) -> Iterator[Picture]:
    """Yield the pictures of the people who score, as they are; of each the first few by share."""
    for person, part, stem, image in read_lfw(data):
        chance = hashlib.sha256(stem.encode()).digest()[0] / 256
        if part == "score" and chance < share:
            yield Picture(person, image)


def video_frames(data: Path, share: float) -> Iterator[Picture]:
    """Yield frames of every sample video: the head that turns, people who pass, people who sign."""
    count = max(2, round(VIDEOS * share))
    for path in sorted((data / "sample_videos").iterdir()):
        video = cv2.VideoCapture(str(path))
        number = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        wanted = set(np.linspace(0, number - 1, count).round().astype(int).tolist())
        for index in range(number):
            if video.grab() and index in wanted:
                yield Picture(path.stem, np.asarray(video.retrieve()[1], np.uint8))


def still_things(data: Path, share: float) -> Iterator[Picture]:
    """Yield the pictures of ImageNet, few of which show a face."""
    with (data / "imagenet_sample_even.csv").open(encoding="utf-8") as listed:
        number = sum(1 for _ in csv.DictReader(listed))
    with tarfile.open(data / "imagenet_sample_even.tar") as tar:
        members = [m for m in tar if m.isfile()]
        assert len(members) == number, f"expected {number} pictures, got {len(members)}"
        for member in members[: max(1, round(share * number))]:
            file = tar.extractfile(member)
            assert file is not None
            yield Picture(member.name, decode(file.read()))
