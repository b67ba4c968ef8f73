"""Makes scenes of faces with boxes and five points, labelled by YuNet: COCO keypoints sets.

    EDGECNN_DATA=... python tests/bench/face_scenes.py -o build/face-scenes

YuNet finds the one face of a portrait of LFW and its points at the portrait's own size; the
portrait, a part of it or the head alone is then scaled, turned by up to 45 degrees and laid into a
scene, so that the truth of a small or turned face is that of the upright one. The box of a turned
face is the upright one around its ellipse. People are put by lfw_people.py: train trains, val
chooses, score scores; those who give the curve of false matches are left out. One scene in five
has no face. The pictures are of people: they stay in the folder they are made in.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from face_backdrops import Backdrops
from face_teacher import NAMES, Image, Numbers, Portrait, portraits
from lfw_people import Part
from numpy.typing import NDArray

from edgecnn.files import new_folder

WIDTH, HEIGHT = 384, 288
"""Pixels: a fifth more than a detector of 320 x 240 sees, which leaves room for cropping."""
SCENES: dict[Part, int] = {"train": 8000, "val": 500, "score": 600}
SEEDS: dict[Part, int] = {"train": 71, "val": 72, "score": 73}
_TRIES = 30
"""Places that are tried for a face before it is left out."""
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Placed:
    """A face in a scene."""

    box: Numbers
    """(4,) inside the scene."""
    points: Numbers
    """(5, 3) x, y, and 1 where inside the scene, else 0."""


class Scene:
    """A picture that is being made."""

    def __init__(self, backdrop: Image) -> None:
        self.image = backdrop.astype(np.float32)
        self.faces: list[Placed] = []

    def lay(self, part: Image, mask: Numbers, matrix: Numbers) -> None:
        """Lay a picture where a mask (0..1) lets it, as an affine (2, 3) matrix says."""
        small, fine = _shrunk(part, matrix)
        size = (WIDTH, HEIGHT)
        soft = cv2.resize(mask.astype(np.float32), (small.shape[1], small.shape[0]))
        cover = cv2.warpAffine(soft, fine, size)[..., None]
        seen = cv2.warpAffine(small, fine, size, borderMode=cv2.BORDER_REPLICATE)
        self.image += (seen.astype(np.float32) - self.image) * cover

    def add(self, one: Portrait, long: float, degrees: float, rng: Rng) -> None:
        """Find a place for a portrait whose face gets a longer side of so many pixels."""
        mask, scale = _mask(one, rng), long / float((one.box[2:] - one.box[:2]).max())
        for _ in range(_TRIES):
            matrix = _matrix(one, scale, degrees, rng)
            whole = _hull(one.box, matrix)
            box = np.clip(whole, 0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
            shown = float((box[2:] - box[:2]).clip(0).prod() / (whole[2:] - whole[:2]).prod())
            if shown >= (0.6 if rng.random() < 0.2 else 0.97) and not self._hides(mask, matrix):
                self.lay(_tinted(one.picture, rng), mask, matrix)
                self.faces.append(Placed(box, _moved(one.points, matrix)))
                return

    def _hides(self, mask: Numbers, matrix: Numbers) -> bool:
        """Return whether a mask would hide some of a face that is there."""
        if not self.faces:
            return False
        cover = cv2.warpAffine(mask.astype(np.float32), matrix, (WIDTH, HEIGHT))
        corners = [face.box.round().astype(int) for face in self.faces]
        return any(float(cover[y1:y2, x1:x2].mean()) > 0.01 for x1, y1, x2, y2 in corners)


def draw_scene(people: Sequence[Portrait], backdrops: Backdrops, rng: Rng) -> Scene:
    """Draw a scene with no face, one, a few, or several small ones."""
    scene = Scene(backdrops.backdrop(WIDTH, HEIGHT, rng))
    for _ in range(int(rng.integers(0, 4))):
        part = backdrops.distractor(rng)
        scale = rng.uniform(24, 150) / max(part.shape[:2])
        turn = math.radians(rng.uniform(-30, 30))
        middle = rng.uniform(0, 1, 2) * (WIDTH, HEIGHT)
        scene.lay(part, np.ones(part.shape[:2]), _about(part.shape, scale, turn, middle))
    count = int(rng.choice((0, 1, 2, 3, 6), p=(0.2, 0.4, 0.17, 0.13, 0.1)))
    largest = {0: 0.0, 1: 340.0, 2: 170.0, 3: 120.0, 6: 60.0}[count]
    turned = rng.random() < 0.5
    for _ in range(count):
        long = math.exp(rng.uniform(math.log(19), math.log(largest)))
        degrees = rng.uniform(-45, 45) if turned else rng.normal(0, 6)
        scene.add(people[int(rng.integers(len(people)))], long, degrees, rng)
    return scene


def photograph(image: NDArray[np.float32], rng: Rng) -> Image:
    """Light, blur and blemish a scene as a small camera does."""
    if rng.random() < 0.3:
        light = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.4, 1), WIDTH, dtype=np.float32)
        image = image * light[None, :, None]
    if rng.random() < 0.35:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), np.float32)
    if rng.random() < 0.12:
        image = image.mean(2, keepdims=True).repeat(3, 2)
    grain = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 7))
    image = image + grain
    return np.clip(image, 0, 255).astype(np.uint8)


def _mask(one: Portrait, rng: Rng) -> Numbers:
    """Return what of a portrait is shown: all, a window about the face, or the head."""
    height, width = one.picture.shape[:2]
    mask, kind = np.zeros((height, width)), rng.random()
    (x1, y1), (x2, y2) = one.box[:2], one.box[2:]
    wide, tall = x2 - x1, y2 - y1
    if kind < 0.4:
        mask[:] = 1
    elif kind < 0.75:
        left, up, right, down = rng.uniform(0.1, 0.8, 4) * (wide, tall, wide, tall)
        mask[max(0, int(y1 - up)) : int(y2 + down), max(0, int(x1 - left)) : int(x2 + right)] = 1
    else:
        middle = round((x1 + x2) / 2), round((y1 + y2) / 2 - 0.05 * tall)
        axes = int(wide * rng.uniform(0.65, 0.9)), int(tall * rng.uniform(0.65, 0.85))
        cv2.ellipse(mask, middle, axes, 0, 0, 360, 1, -1)
    if kind < 0.4:
        return mask
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 6)), np.float64)


def _matrix(one: Portrait, scale: float, degrees: float, rng: Rng) -> Numbers:
    """Return (2, 3) that lays a portrait's face somewhere in the scene."""
    middle = (one.box[:2] + one.box[2:]) / 2
    turn, stretch = math.radians(degrees), math.exp(rng.uniform(-0.1, 0.1))
    linear = scale * np.array(
        ((math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn)))
    ) @ np.diag((stretch, 1 / stretch))  # fmt: skip
    place = rng.uniform(0, 1, 2) * (WIDTH, HEIGHT)
    return np.column_stack((linear, place - linear @ middle))


def _about(shape: tuple[int, ...], scale: float, turn: float, middle: Numbers) -> Numbers:
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array(((cos, -sin), (sin, cos)))
    return np.column_stack((linear, middle - linear @ (shape[1] / 2, shape[0] / 2)))


def _shrunk(part: Image, matrix: Numbers) -> tuple[Image, Numbers]:
    """Return a picture, made smaller first where a matrix would skip pixels, and its matrix."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale > 0.7:
        return part, matrix
    size = max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    back = np.array((part.shape[1] / size[0], part.shape[0] / size[1]))
    linear = matrix[:, :2] * back
    # The middle of the small picture's first pixel is not that of the large one's.
    shift = matrix[:, 2] + matrix[:, :2] @ ((back - 1) / 2)
    return np.asarray(small, np.uint8), np.column_stack((linear, shift))


def _tinted(picture: Image, rng: Rng) -> Image:
    light = rng.uniform(0.65, 1.3) * np.exp(rng.normal(0, 0.06, 3))
    return np.clip(picture * light, 0, 255).astype(np.uint8)


def _hull(box: Numbers, matrix: Numbers) -> Numbers:
    """Return the upright box around the moved ellipse that a box holds."""
    middle = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    half = np.hypot(*(matrix[:, :2] * (box[2:] - box[:2]) / 2).T)
    return np.concatenate((middle - half, middle + half))


def _moved(points: Numbers, matrix: Numbers) -> Numbers:
    places = points @ matrix[:, :2].T + matrix[:, 2]
    least, most = np.full(2, -0.5), np.array((WIDTH, HEIGHT)) - 0.5
    inside = np.all((places >= least) & (places < most), axis=1, keepdims=True)
    return np.asarray(np.concatenate((places, inside), axis=1) * inside, np.float64)


def write_split(
    folder: Path, part: Part, people: Sequence[Portrait], data: Path, number: int
) -> None:
    """Write the scenes of a split and its json."""
    backdrops = Backdrops(data, people, part == "train", SEEDS[part])
    images: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    (folder / part).mkdir()
    for index in range(number):
        rng = np.random.default_rng((SEEDS[part], index))
        scene = draw_scene(people, backdrops, rng)
        name, quality = f"{index:05d}.jpg", int(rng.integers(50, 97))
        picture = photograph(scene.image, rng)
        cv2.imwrite(str(folder / part / name), picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
        images.append({"id": index, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for face in scene.faces:
            x1, y1, x2, y2 = face.box.tolist()
            marks = [v for x, y, seen in face.points.tolist() for v in (x, y, 2 * int(seen))]
            labels.append({"id": len(labels), "image_id": index, "category_id": 1, "iscrowd": 0,
                           "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
                           "keypoints": marks,
                           "num_keypoints": int(face.points[:, 2].sum())})  # fmt: skip
    category = {"id": 1, "name": "face", "keypoints": list(NAMES), "skeleton": []}
    content = {"images": images, "annotations": labels, "categories": [category]}
    path = folder / "annotations" / f"person_keypoints_{part}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    who = len({one.person for one in people})
    print(f"{part}: {number} scenes, {len(labels)} faces of {len(people)} pictures, {who} people")


def main() -> None:
    """Make the sets, unless they are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the scenes, to try it out")
    options = parser.parse_args()
    if options.output.exists():
        print(f"{options.output} is there already")
        return
    cv2.setNumThreads(1)
    data = Path(os.environ["EDGECNN_DATA"])
    found = portraits(data, tuple(SCENES))
    with new_folder(options.output) as temporary:
        (temporary / "annotations").mkdir()
        for part, number in SCENES.items():
            write_split(temporary, part, found[part], data, max(1, round(options.share * number)))


if __name__ == "__main__":
    main()
