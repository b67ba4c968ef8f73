"""YuNet as the teacher of a face detector, and the pictures of LFW as it sees them."""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from lfw_people import Part, part_of, scoring_people
from numpy.typing import NDArray

from edgecnn.data.synth.heads import POINTS
from edgecnn.vision.boxes import iou_matrix

Image = NDArray[np.uint8]
Numbers = NDArray[np.float64]
NAMES = POINTS
"""YuNet's order is that of the generated heads."""
SURE, FAINT = 0.8, 0.3
"""Score from which it is a face, and from which it may be one."""
MODEL = "face_yunet/yunet_n_dynamic.onnx"
_VIEWS = ((1.0, True), (1.5, False), (1.5, True))
"""Scale of a view, and whether it is mirrored."""
ARCHIVES = ("lfw_dev.tar", "lfw_more.tar")


@dataclass(frozen=True, eq=False)
class Seen:
    """What YuNet finds in one picture, the best first."""

    boxes: Numbers
    """(N, 4) x1, y1, x2, y2, pixels."""
    points: Numbers
    """(N, 5, 2)."""
    scores: Numbers
    """(N,)."""

    def at_least(self, score: float) -> Seen:
        """Return those of this score and more."""
        good = self.scores >= score
        return Seen(self.boxes[good], self.points[good], self.scores[good])


class Teacher:
    """YuNet with OpenCV; finds even faint faces."""

    def __init__(self, data: Path) -> None:
        self._find = cv2.FaceDetectorYN.create(str(data / MODEL), "", (320, 320), FAINT)

    def __call__(self, picture: Image) -> Seen:
        """Find the faces in (H, W, 3) BGR."""
        self._find.setInputSize((picture.shape[1], picture.shape[0]))
        found = self._find.detect(picture)[1]
        rows = np.zeros((0, 15)) if found is None else np.asarray(found, np.float64)
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        boxes = np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:4]), axis=1)
        return Seen(boxes, rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])

    def steady(self, picture: Image) -> Seen:
        """Find the faces, with their points as the mean over views of other sizes and mirrored.

        One view of an LFW picture puts points off by 5 % of the distance of the eyes from the mean
        of eight, and to one side: mirrored, to the other.
        """
        seen = self(picture)
        every = [[points] for points in seen.points]
        for scale, mirrored in _VIEWS:
            view = self._view(picture, scale, mirrored)
            rows, columns = _same(seen.boxes, view.boxes)
            for row, column in zip(rows, columns, strict=True):
                every[row].append(view.points[column])
        means = np.array([np.mean(views, axis=0) for views in every]).reshape(-1, 5, 2)
        return Seen(seen.boxes, means, seen.scores)

    def _view(self, picture: Image, scale: float, mirrored: bool) -> Seen:
        """Find the faces in a picture of another size, and bring them back to this one."""
        shown = picture[:, ::-1] if mirrored else picture
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        seen = self(np.asarray(cv2.resize(shown, None, fx=scale, fy=scale, interpolation=smooth)))
        boxes, points = seen.boxes / scale, (seen.points + 0.5) / scale - 0.5
        if mirrored:
            width = picture.shape[1]
            boxes = np.column_stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0],
                                     boxes[:, 3]))  # fmt: skip
            points = points[:, (1, 0, 2, 4, 3)] * (-1, 1) + (width - 1, 0)
        return Seen(boxes, points, seen.scores)


def _same(boxes: Numbers, others: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which boxes are those of another view."""
    overlaps = iou_matrix(boxes.astype(np.float32), others.astype(np.float32))
    if not overlaps.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    best = overlaps.argmax(1)
    rows = np.flatnonzero(overlaps.max(1) >= 0.5)
    return rows, best[rows]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture of LFW in which the teacher sees one face, and nothing else that may be one."""

    person: str
    picture: Image
    box: Numbers
    """(4,) x1, y1, x2, y2."""
    points: Numbers
    """(5, 2); x = i is the middle of pixel i."""


def read_lfw(
    data: Path, archives: Sequence[str] = ARCHIVES
) -> Iterator[tuple[str, Part, str, Image]]:
    """Yield person, what they are for, file name and picture of everybody.

    Nobody is in two archives.
    """
    scoring = scoring_people(data / "lfw_pairs_folds1-5.txt")
    for archive in archives:
        with tarfile.open(data / archive) as tar:
            members = [m for m in tar if m.name.endswith(".jpg")]
            people = [Path(m.name).parent.name for m in members]
            pictures = Counter(people)
            for member, person in zip(members, people, strict=True):
                part = part_of(person, scoring, pictures[person] == 1)
                file = tar.extractfile(member)
                assert file is not None
                yield person, part, Path(member.name).stem, decode(file.read())


def decode(data: bytes) -> Image:
    """Return (H, W, 3) BGR of an encoded picture."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def portraits(data: Path, parts: tuple[Part, ...]) -> dict[Part, list[Portrait]]:
    """Return the portraits of some parts.

    A picture with a faint face is left out: nobody says whether a detector should find that one.
    """
    teacher = Teacher(data)
    found: dict[Part, list[Portrait]] = {part: [] for part in parts}
    for person, part, _, picture in read_lfw(data):
        if part not in parts:
            continue
        seen = teacher(picture)
        if len(seen.scores) == 1 and seen.scores[0] >= SURE:
            found[part].append(Portrait(person, picture, seen.boxes[0], seen.points[0]))
    return found
