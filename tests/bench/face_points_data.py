"""Cuts faces of LFW as a detector's box does, with YuNet's five points: a COCO keypoints set.

    EDGECNN_DATA=... python tests/bench/face_points_data.py -o build/face-points

What learns from it looks at a found face once more, so the crops are those of a box that is a
little off, 1.3 to 1.7 times its longer side, of a face tilted by up to 45 degrees; three in ten are
made of few pixels first, as faces far away are. Who trains, chooses and scores is said by
`lfw_people`; who gives the curve of false matches is in none. The pictures are of people: they stay
in the folder they are made in.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from face_crops import Face, Points, middle_face
from face_teacher import NAMES, Image, Teacher, read_lfw
from lfw_people import Part

from edgecnn.files import new_folder

SIDE = 112
"""Pixels of a crop."""
CROPS: dict[Part, int] = {"train": 3, "val": 2, "score": 2}
"""Of each picture."""
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 95)


def cut(picture: Image, face: Face, rng: np.random.Generator) -> tuple[Image, Points]:
    """Return a (SIDE, SIDE, 3) crop and its (5, 3) points."""
    side = face.side * rng.uniform(1.3, 1.7)
    middle = face.middle + rng.uniform(-0.1, 0.1, 2) * face.side
    angle = math.radians(rng.uniform(-45, 45) if rng.random() < 0.6 else rng.normal(0, 6))
    cos, sin = SIDE / side * math.cos(angle), SIDE / side * math.sin(angle)
    turn = np.array(((cos, -sin), (sin, cos)))
    shift = (SIDE - 1) / 2 - turn @ middle
    crop = cv2.warpAffine(picture, np.column_stack((turn, shift)), (SIDE, SIDE),
                          flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    if rng.random() < 0.3:
        few = int(rng.integers(24, 64))
        small = cv2.resize(crop, (few, few), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    places = face.points @ turn.T + shift
    inside = ((places >= -0.5) & (places < SIDE - 0.5)).all(1)
    return np.asarray(crop, np.uint8), np.column_stack((places, inside)) * inside[:, None]


def labels_of(number: int, points: Points) -> dict[str, Any]:
    """Return the annotation of a crop."""
    flat = [v for x, y, seen in points.tolist() for v in (x, y, 2 * int(seen))]
    return {"id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, SIDE, SIDE],
            "keypoints": flat, "num_keypoints": int(points[:, 2].sum())}  # fmt: skip


def make(data: Path, folder: Path) -> None:
    """Write the splits."""
    find = Teacher(data)
    content: dict[Part, dict[str, list[Any]]] = {
        part: {"images": [], "annotations": [],
               "categories": [{"id": 1, "name": "face", "keypoints": list(NAMES), "skeleton": []}]}
        for part in CROPS
    }  # fmt: skip
    for index, (_, part, stem, picture) in enumerate(read_lfw(data)):
        face = middle_face(find, picture) if part in CROPS else None
        if face is None:
            continue
        (folder / part).mkdir(exist_ok=True)
        for turn in range(CROPS[part]):
            crop, points = cut(picture, face, np.random.default_rng((6, index, turn)))
            name, number = f"{stem}-{turn}.jpg", len(content[part]["images"]) + 1
            cv2.imwrite(str(folder / part / name), crop, QUALITY)
            about = {"id": number, "file_name": name, "width": SIDE, "height": SIDE}
            content[part]["images"].append(about)
            content[part]["annotations"].append(labels_of(number, points))
    (folder / "annotations").mkdir()
    for part, found in content.items():
        path = folder / "annotations" / f"person_keypoints_{part}.json"
        path.write_text(json.dumps(found), encoding="utf-8")
        print(f"{part}: {len(found['images'])} crops")


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
