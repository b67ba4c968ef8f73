"""A YuNet and an embedder whose networks are scripts, for pictures that name their faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.manifest import (
    InputSpec,
    Manifest,
    MatchCurve,
    TensorsDecode,
    VectorDecode,
)
from edgecnn.bundle.read import read_bundle
from edgecnn.vision.preprocess import Input
from edgecnn_device import Runner
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.faces import FaceChain, FaceEmbedder, FaceFinder
from edgecnn_device.faces.align import TEMPLATE
from edgecnn_device.faces.yunet import NAMES

SIDE = 320
STRIDE = 32
Outputs = tuple[NDArray[np.float32], ...]
FaceAt = tuple[float, float, float]
"""x and y of the middle, and the distance between the eyes, pixels."""
_LAYOUT = (TEMPLATE - 56) / 35.24


def points_of(face: FaceAt) -> NDArray[np.float32]:
    return np.asarray(_LAYOUT * face[2] + face[:2], np.float32)


@pytest.fixture(scope="session")
def draw_faces() -> Callable[..., NDArray[np.uint8]]:
    """Draws pictures of bright faces on dark ground: a disc with its five dark points."""

    def drawn(width: int, height: int, *faces: FaceAt) -> NDArray[np.uint8]:
        picture = np.full((height, width, 3), 40, np.uint8)
        y, x = np.mgrid[:height, :width]
        for face in faces:
            picture[np.hypot(x - face[0], y - face[1]) < 1.3 * face[2]] = 200
            for px, py in points_of(face):
                picture[np.hypot(x - px, y - py) < max(0.12 * face[2], 1)] = 90
        return picture

    return drawn


class SeesDiscs:
    """Answers as YuNet does, for upright drawn faces in an input that is the picture itself."""

    def __init__(self) -> None:
        self.faces: list[FaceAt] = []

    def __call__(self, inputs: Input) -> Outputs:
        pixels = np.asarray(inputs)[0].transpose(1, 2, 0)
        numbers = zip(NAMES, (1,) * 6 + (4,) * 3 + (10,) * 3, strict=True)
        table = {name: np.zeros((1, (SIDE // int(name.split("_")[1])) ** 2, n), np.float32)
                 for name, n in numbers}  # fmt: skip
        for face in self.faces:
            if not _is_shown(pixels, face):
                continue
            column, row = int(face[0] // STRIDE), int(face[1] // STRIDE)
            cell = row * (SIDE // STRIDE) + column
            corner, side = np.array((column, row)), 2.6 * face[2]
            table["cls_32"][0, cell] = table["obj_32"][0, cell] = 0.9
            table["bbox_32"][0, cell] = (*(np.array(face[:2]) / STRIDE - corner),
                                         *np.log((side / STRIDE, side / STRIDE)))  # fmt: skip
            table["kps_32"][0, cell] = (points_of(face) / STRIDE - corner).ravel()
        return tuple(table[name] for name in NAMES)


def _is_shown(pixels: NDArray[np.float32], face: FaceAt) -> bool:
    """Tell whether the points are dark, and the forehead and the chin bright."""
    points = np.clip(points_of(face).round().astype(int), 0, SIDE - 1)
    middle = np.clip(np.round((face[0], face[1] - 0.9 * face[2])).astype(int), 0, SIDE - 1)
    dark = (pixels[points[:, 1], points[:, 0]].mean(1) < 120).all()
    return bool(dark and pixels[middle[1], middle[0]].mean() > 150)


@pytest.fixture
def sees() -> SeesDiscs:
    """What the detector looks for; a test states the places."""
    return SeesDiscs()


@pytest.fixture
def yunet(zoo_bundle: Path, sees: SeesDiscs) -> Runner:
    manifest = _like(zoo_bundle, "tensors", TensorsDecode(names=NAMES), SIDE)
    return Runner(manifest, manifest.variants[0], FakeBackend(sees))


@pytest.fixture
def embedder(zoo_bundle: Path) -> Runner:
    """Its vector is of what the four quarters of the face look like."""
    curve = MatchCurve(points=((0.1, 0.9), (1e-3, 0.99)), pairs=3000, people=80, data="drawn",
                       default_fmr=0.01)  # fmt: skip
    manifest = _like(zoo_bundle, "embed", VectorDecode(size=4, curve=curve), 112)

    def answer(inputs: Input) -> NDArray[np.float32]:
        pixels = np.asarray(inputs)[0].mean(0)
        halves = [part for half in np.split(pixels, 2) for part in np.split(half, 2, axis=1)]
        return np.array([[part.mean() for part in halves]], np.float32)

    return Runner(manifest, manifest.variants[0], FakeBackend(answer))


@pytest.fixture
def chain(yunet: Runner, embedder: Runner) -> FaceChain:
    return FaceChain(FaceFinder(yunet), FaceEmbedder(embedder))


def _like(zoo_bundle: Path, task: str, decode: TensorsDecode | VectorDecode, side: int) -> Manifest:
    spec = InputSpec(width=side, height=side, mean=(0,) * 3, std=(1,) * 3, layout="nchw",
                     resize="letterbox")  # fmt: skip
    change = {"name": "drawn-faces", "task": task, "decode": decode, "input": spec}
    return read_bundle(zoo_bundle).manifest.model_copy(update=change)
