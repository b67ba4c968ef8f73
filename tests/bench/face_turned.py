"""Adds pictures that lie on their side or stand on their head to a set of face scenes.

    python tests/bench/face_scenes.py -o build/face-scenes
    python tests/bench/face_turned.py build/face-scenes -o build/face-scenes-turned

A detector that never saw one finds a face on its side as surely as an upright one, with its points
where they would be upright, and nothing tells the chain to try another way up. So scenes whose
faces all stand nearly upright are given again, turned by a quarter or a half, with no face in them:
what is to be found is upright. They are cut to the sides of the others, so that their shape does
not tell. Splits stay what they were.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.files import new_folder

UPRIGHT = 20.0
"""Degrees by which eyes may be tilted; a face turned by 45 and then by a quarter is upright enough
to be found, and must not be taught as none."""
PARTS = ("train", "val")
TURNS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 95)
Json = dict[str, Any]


def tilt(face: Json) -> float:
    """Return the degrees by which the eyes of an annotation are tilted; inf where one is unseen."""
    x, y, seen, x2, y2, seen2 = face["keypoints"][:6]
    return abs(math.degrees(math.atan2(y2 - y, x2 - x))) if seen and seen2 else math.inf


def upright_scenes(content: Json) -> Iterator[Json]:
    """Yield the images that have faces, all of them upright."""
    faces = defaultdict(list)
    for face in content["annotations"]:
        faces[face["image_id"]].append(face)
    for image in content["images"]:
        held = faces[image["id"]]
        if held and all(tilt(face) <= UPRIGHT for face in held):
            yield image


def turned(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture turned by a quarter or a half, with the sides' ratio it had."""
    height, width = picture.shape[:2]
    other = np.asarray(cv2.rotate(picture, TURNS[rng.integers(3)]), np.uint8)
    rows, columns = other.shape[:2]
    if (rows, columns) == (height, width):
        return other
    kept = round(columns * height / width)
    top = int(rng.integers(rows - kept + 1))
    return other[top : top + kept]


def add_turned(source: Path, folder: Path, part: str) -> None:
    """Write a split with its turned scenes behind."""
    labels = f"annotations/person_keypoints_{part}.json"
    content = json.loads((source / labels).read_text(encoding="utf-8"))
    shutil.copytree(source / part, folder / part)
    chosen, count = list(upright_scenes(content)), len(content["images"])
    for index, image in enumerate(chosen, count):
        rng = np.random.default_rng((9, index))
        picture = np.asarray(cv2.imread(str(source / part / image["file_name"])), np.uint8)
        other, name = turned(picture, rng), f"turned-{image['file_name']}"
        cv2.imwrite(str(folder / part / name), other, QUALITY)
        height, width = other.shape[:2]
        content["images"].append({"id": index, "file_name": name, "width": width, "height": height})
    (folder / labels).write_text(json.dumps(content), encoding="utf-8")
    print(f"{part}: {count} scenes and {len(chosen)} turned ones")


def main() -> None:
    """Make the set, unless it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if options.output.exists():
        print(f"{options.output} is there already")
        return
    with new_folder(options.output) as folder:
        (folder / "annotations").mkdir()
        for part in PARTS:
            add_turned(options.scenes, folder, part)


if __name__ == "__main__":
    main()
