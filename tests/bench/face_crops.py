"""Cuts faces with five points out of LFW, as YuNet sees them, into a COCO keypoints set.

    EDGECNN_DATA=... python tests/bench/face_crops.py -o build/faces

YuNet finds the face and its eyes, nose and mouth corners in the upright picture; the crop is then
shifted, scaled and turned by up to 30 degrees, so that the truth of a turned face is that of the
upright one. A point that falls outside its crop is invisible. The people of fold 5 of the pairs
are the split test, of the others nine in ten are train and one in ten val: nobody is in two.
The pictures are of people: they stay in the folder they are made in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from face_teacher import ARCHIVES, NAMES, SURE, Image, Teacher, read_lfw
from lfw_people import scoring_people
from numpy.typing import NDArray

from edgecnn.files import new_folder

SIDE = 128
"""Pixels of a crop."""
CROPS = {"train": 2, "val": 1, "test": 1}
"""Of each picture."""
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Face:
    """What YuNet says of a picture."""

    middle: Points
    """(2,) of the box."""
    side: float
    """The longer one of the box, pixels."""
    points: Points
    """(5, 2); x = i is the middle of pixel i."""


def middle_face(teacher: Teacher, picture: Image) -> Face | None:
    """Return the sure face nearest to the middle of a picture, or None where there is none."""
    seen = teacher(picture).at_least(SURE)
    if not len(seen.scores):
        return None
    near, far = seen.boxes[:, :2], seen.boxes[:, 2:]
    middles = (near + far) / 2
    height, width = picture.shape[:2]
    best = int(np.hypot(*(middles - (width / 2, height / 2)).T).argmin())
    return Face(middles[best], (far - near)[best].max(), seen.points[best])


def cut(picture: Image, face: Face, rng: np.random.Generator) -> tuple[Image, Points]:
    """Return a (SIDE, SIDE, 3) crop and its (5, 3) points; one crop in four is far off."""
    reach = 0.55 if rng.random() < 0.25 else 0.1
    side = face.side * rng.uniform(1.15, 1.7)
    middle = face.middle + rng.uniform(-reach, reach, 2) * side
    angle = math.radians(rng.uniform(-30, 30))
    cos, sin = SIDE / side * math.cos(angle), SIDE / side * math.sin(angle)
    turn = np.array(((cos, -sin), (sin, cos)))
    shift = (SIDE - 1) / 2 - turn @ middle
    matrix = np.column_stack((turn, shift))
    crop = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    places = face.points @ turn.T + shift
    inside = ((places >= -0.5) & (places < SIDE - 0.5)).all(1)
    return np.asarray(crop, np.uint8), np.column_stack((places, inside)) * inside[:, None]


def split_of(person: str, scoring: frozenset[str]) -> str:
    """Return the split that a person belongs to."""
    if person in scoring:
        return "test"
    return "val" if hashlib.sha256(person.encode()).digest()[0] < 26 else "train"


def make(data: Path, folder: Path) -> None:
    """Write the three splits."""
    teacher = Teacher(data)
    scoring = scoring_people(data / "lfw_pairs_folds1-5.txt")
    images: dict[str, list[object]] = {split: [] for split in CROPS}
    labels: dict[str, list[object]] = {split: [] for split in CROPS}
    people: dict[str, set[str]] = {split: set() for split in CROPS}
    for index, (person, _, stem, picture) in enumerate(read_lfw(data, ARCHIVES[:1])):
        split, face = split_of(person, scoring), middle_face(teacher, picture)
        if face is None:
            continue
        people[split].add(person)
        for turn in range(CROPS[split]):
            crop, points = cut(picture, face, np.random.default_rng((5, index, turn)))
            name, number = f"{stem}-{turn}.jpg", len(images[split]) + 1
            (folder / split).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / split / name), crop, (cv2.IMWRITE_JPEG_QUALITY, 95))
            images[split].append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
            flat = [v for x, y, seen in points.tolist() for v in (x, y, 2 * int(seen))]
            labels[split].append({"id": number, "image_id": number, "category_id": 1,
                                  "bbox": [0, 0, SIDE, SIDE], "keypoints": flat,
                                  "num_keypoints": int(points[:, 2].sum())})  # fmt: skip
    category = {"id": 1, "name": "face", "keypoints": list(NAMES), "skeleton": []}
    (folder / "annotations").mkdir()
    for split in CROPS:
        content = {"images": images[split], "annotations": labels[split], "categories": [category]}
        path = folder / "annotations" / f"person_keypoints_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        print(f"{split}: {len(images[split])} crops of {len(people[split])} people")


def main() -> None:
    """Make the set, unless it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    folder = parser.parse_args().output
    if folder.exists():
        print(f"{folder} is there already")
        return
    cv2.setNumThreads(1)
    with new_folder(folder) as temporary:
        make(Path(os.environ["EDGECNN_DATA"]), temporary)


if __name__ == "__main__":
    main()
