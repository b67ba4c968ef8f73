"""A YuNet and an embedder whose networks are scripts, for pictures that name their faces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle import write_bundle
from edgecnn.bundle.decode import MatchCurve, TensorsDecode, VectorDecode
from edgecnn.bundle.manifest import CARD, GOLDEN, InputSpec, Manifest
from edgecnn.bundle.read import Golden, read_bundle
from edgecnn.bundle.write import pack_golden
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
CURVE = MatchCurve(points=((0.1, 0.5), (1e-3, 0.8)), pairs=3000, people=80, data="drawn",
                   default_fmr=0.01)  # fmt: skip
_LAYOUT = (TEMPLATE - 56) / 35.24


def points_of(face: FaceAt) -> NDArray[np.float32]:
    return np.asarray(_LAYOUT * face[2] + face[:2], np.float32)


@pytest.fixture(scope="session")
def draw_faces() -> Callable[..., NDArray[np.uint8]]:
    """Draws pictures of faces on dark ground: a disc with five dark points, of a person.

    Of person 0, 1, 2 or 3 that quarter of the face is brighter than the others.
    """

    def drawn(
        width: int, height: int, *faces: FaceAt, people: Sequence[int] = ()
    ) -> NDArray[np.uint8]:
        picture = np.full((height, width, 3), 40, np.uint8)
        y, x = np.mgrid[:height, :width]
        for face, person in zip_longest(faces, people, fillvalue=0):
            assert isinstance(face, tuple)
            disc = np.hypot(x - face[0], y - face[1]) < 1.3 * face[2]
            picture[disc] = 170
            picture[disc & ((x > face[0]) == person % 2) & ((y > face[1]) == person // 2)] = 250
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
    """Its vector is of how bright the four quarters of the face are."""
    manifest = _like(zoo_bundle, "embed", VectorDecode(size=4, curve=CURVE), 112)
    return Runner(manifest, manifest.variants[0], FakeBackend(quarters))


def quarters(inputs: Input) -> NDArray[np.float32]:
    pixels = np.asarray(inputs)[0].mean(0)
    parts = [part.mean() for half in np.split(pixels, 2) for part in np.split(half, 2, axis=1)]
    return np.array([parts], np.float32) - np.float32(np.mean(parts))


@pytest.fixture
def chain(yunet: Runner, embedder: Runner) -> FaceChain:
    return FaceChain(FaceFinder(yunet), FaceEmbedder(embedder))


def _like(zoo_bundle: Path, task: str, decode: TensorsDecode | VectorDecode, side: int) -> Manifest:
    spec = InputSpec(width=side, height=side, mean=(0,) * 3, std=(1,) * 3, layout="nchw",
                     resize="letterbox")  # fmt: skip
    change = {"name": "drawn-faces", "task": task, "decode": decode, "input": spec}
    return read_bundle(zoo_bundle).manifest.model_copy(update=change)


@pytest.fixture
def bundles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sees: SeesDiscs, yunet: Runner,
    embedder: Runner,
) -> tuple[str, str]:  # fmt: skip
    """Files of both, as the command line opens them: detector and embedder."""
    answers = {b"a detector": FakeBackend(sees), b"an embedder": FakeBackend(quarters)}
    monkeypatch.setattr(
        "edgecnn_device.runner.open_backend", lambda kind, data, *more: answers[data]
    )
    paths = []
    for runner, model in zip((yunet, embedder), answers, strict=True):
        change = {"file": "model.tflite", "format": "tflite", "bytes": len(model),
                  "sha256": hashlib.sha256(model).hexdigest()}  # fmt: skip
        variant = runner.variant.model_copy(update=change)
        golden = pack_golden(Golden((np.zeros((2, 2, 3), np.uint8),),
                                    (("model.tflite", np.zeros((1, 4), np.float32)),)))  # fmt: skip
        members = {"model.tflite": model, GOLDEN: golden, CARD: b"# drawn\n"}
        about = {"variants": (variant,), "golden_sha256": hashlib.sha256(golden).hexdigest(),
                 "card_sha256": hashlib.sha256(members[CARD]).hexdigest()}  # fmt: skip
        paths.append(tmp_path / "bundles" / f"{runner.manifest.task}.edge")
        write_bundle(paths[-1], runner.manifest.model_copy(update=about), members)
    return str(paths[0]), str(paths[1])
