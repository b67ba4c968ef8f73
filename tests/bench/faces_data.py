"""Makes aligned faces of LFW and ORL, and the vectors that a teacher gives for those that train.

    python tests/bench/faces_data.py -o build/faces [--views 4] [--blends 8000] [--orl]

YuNet's five points bring each face upright in 112x112 pixels, as ArcFace has it. Who trains
(``train``), chooses (``val``), gives the curve (``curve``) and scores (``score``) is said by
`lfw_people`; each folder holds a folder per person. ``distill`` is made of the train people alone:
``--views`` looks at each picture (the first as it is, the others shifted, turned and scaled a
little) and ``--blends`` mixtures of two people's faces, which a teacher can judge although nobody
looks so. Its ``teacher.npz`` holds, for every file of it, the sum of the unit vectors that
MobileFaceNet gives for the picture and for its mirror image, so that a mirrored picture has the
same one. The pictures and vectors are of people: they stay in the folder they are made in.
"""

from __future__ import annotations

import argparse
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from face_crops import middle_face
from face_teacher import Image, Teacher, decode, read_lfw
from numpy.typing import NDArray

from edgecnn.data.readers.common import visible
from edgecnn.files import new_folder
from edgecnn_device.faces.align import SIDE, similarity

MEAN = np.array((123.675, 116.28, 103.53), np.float32)
STD = np.array((58.395, 57.12, 57.375), np.float32)
"""Of the teacher's input, RGB."""
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)


def jitter(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a (2, 3) matrix that moves an upright face a little."""
    angle, scale = np.radians(rng.uniform(-6, 6)), np.exp(rng.uniform(-0.07, 0.07))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array(((cos, -sin), (sin, cos)))
    middle = np.full(2, (SIDE - 1) / 2)
    return np.column_stack((turn, middle - turn @ middle + rng.uniform(-4, 4, 2)))


def warp(picture: Image, matrix: NDArray[np.float64]) -> Image:
    """Return a (SIDE, SIDE, 3) face."""
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE)), np.uint8)


def chained(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of two moves, one after the other."""
    return np.column_stack((then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2] + then[:, 2]))


def read(path: Path) -> Image:
    """Read a face."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def write(path: Path, face: Image) -> None:
    """Write a face, and its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), face, JPEG)


def make_lfw(data: Path, folder: Path, views: int) -> None:
    """Write the four parts, and the views of those that train."""
    find, missed = Teacher(data), 0
    for index, (person, part, stem, picture) in enumerate(read_lfw(data)):
        face = middle_face(find, picture)
        if face is None:
            missed += 1
            continue
        if part == "left out":
            continue
        upright = similarity(face.points.astype(np.float32))
        write(folder / part / person / f"{stem}.jpg", warp(picture, upright))
        for view in range(views if part == "train" else 0):
            rng = np.random.default_rng((7, index, view))
            matrix = upright if view == 0 else chained(upright, jitter(rng))
            write(folder / "distill" / person / f"{stem}-{view}.jpg", warp(picture, matrix))
    print(f"{missed} pictures without a face")


def make_blends(folder: Path, count: int) -> None:
    """Write mixtures of the upright faces of two people who train."""
    people = [sorted(p.iterdir()) for p in visible(folder / "train")]
    for index in range(count):
        rng = np.random.default_rng((8, index))
        one, two = (people[i] for i in rng.choice(len(people), 2, replace=False))
        faces = [read(files[rng.integers(len(files))]) for files in (one, two)]
        faces = [warp(face, jitter(rng)) for face in faces]
        share = rng.uniform(0.3, 0.7)
        mixed = cv2.addWeighted(faces[0], share, faces[1], 1 - share, 0)
        write(folder / "distill" / "blends" / f"{index:05}.jpg", np.asarray(mixed, np.uint8))


def make_orl(data: Path, folder: Path) -> None:
    """Write the upright faces of ORL; of one that YuNet does not find, its middle."""
    find, missed = Teacher(data), 0
    with tarfile.open(data / "orl_faces" / "orl_faces.tar") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None or not member.name.endswith(".pgm"):
                continue
            picture = decode(file.read())
            wide = np.asarray(cv2.copyMakeBorder(cv2.resize(picture, None, fx=2, fy=2), 60, 60, 60,
                                                 60, cv2.BORDER_REPLICATE), np.uint8)  # fmt: skip
            face = middle_face(find, wide)
            missed += face is None
            upright = (warp(wide, similarity(face.points.astype(np.float32))) if face is not None
                       else np.asarray(cv2.resize(picture, (SIDE, SIDE)), np.uint8))  # fmt: skip
            path = Path(member.name)
            write(folder / "orl" / path.parent.name / f"{path.stem}.jpg", upright)
    print(f"orl: {missed} faces not found, their middle taken")


def vectors_of(model: Path, files: list[Path]) -> Iterator[NDArray[np.float32]]:
    """Yield the teacher's (128,) for each file: the sum of unit vectors of it and its mirror."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    name = session.get_inputs()[0].name
    for file in files:
        face = read(file)[..., ::-1].astype(np.float32)
        inputs = ((face - MEAN) / STD).transpose(2, 0, 1)
        total = np.zeros(128, np.float32)
        for view in (inputs, inputs[..., ::-1]):
            found = session.run(None, {name: np.ascontiguousarray(view[None])})[0][0]
            total += found / np.linalg.norm(found)
        yield total


def make_vectors(data: Path, folder: Path) -> None:
    """Write the teacher's vectors for all of ``distill``."""
    files = sorted(folder.rglob("*.jpg"))
    names = [f.relative_to(folder).as_posix() for f in files]
    found = vectors_of(data / "mobilefacenet" / "MobileFaceNet.onnx", files)
    np.savez(folder / "teacher.npz", names=np.array(names), vectors=np.stack(list(found)))


def main() -> None:
    """Make the set, unless it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--blends", type=int, default=8000)
    parser.add_argument("--orl", action="store_true")
    arguments = parser.parse_args()
    if arguments.output.exists():
        print(f"{arguments.output} is there already")
        return
    cv2.setNumThreads(1)
    data = Path(os.environ["EDGECNN_DATA"])
    with new_folder(arguments.output) as folder:
        make_lfw(data, folder, arguments.views)
        make_blends(folder, arguments.blends)
        if arguments.orl:
            make_orl(data, folder)
        for part in visible(folder):
            files = sorted(part.rglob("*.jpg"))
            print(f"{part.name}: {len(files)} pictures of {len(visible(part))} folders")
        make_vectors(data, folder / "distill")


if __name__ == "__main__":
    main()
