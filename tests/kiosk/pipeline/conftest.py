"""Slots that a test fills, a store that remembers, and faces that a script finds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle import write_bundle
from edgecnn.bundle.decode import MatchCurve, TensorsDecode, VectorDecode
from edgecnn.bundle.manifest import CARD, GOLDEN, InputSpec
from edgecnn.bundle.read import Golden, read_bundle
from edgecnn.bundle.write import pack_golden
from edgecnn.vision.preprocess import Input
from edgecnn_device.cameras import CameraFrame, Slot
from edgecnn_device.faces.align import TEMPLATE
from edgecnn_device.faces.yunet import NAMES
from edgecnn_device.gallery import create_master_key
from edgecnn_device.kiosk.config import CameraConfig, KioskConfig
from edgecnn_device.kiosk.events import Event
from edgecnn_device.kiosk.pipeline import Engine, open_models
from edgecnn_device.kiosk.ports import LiveFrame

Picture = NDArray[np.uint8]
SIDE, STRIDE = 320, 32
FaceAt = tuple[float, float, float]
_LAYOUT = (TEMPLATE - 56) / 35.24
_TINTS = np.array([[90, 0, 0], [0, 90, 0], [0, 0, 90], [60, 60, -60]], np.float32)


class CountedSlot(Slot):
    """A camera's slot, filled by a test."""

    def __init__(self, camera: str = "desk") -> None:
        super().__init__()
        self.camera, self.index, self.taken = camera, 0, -1

    def show(self, image: Picture, age_s: float = 0.0) -> int:
        """Put the next frame, taken so long ago; returns its index."""
        self.put(CameraFrame(self.camera, self.index, image, time.monotonic() - age_s))
        self.index += 1
        return self.index - 1

    def take(self, timeout_s: float, newer_than: int = -1) -> CameraFrame | None:
        frame = super().take(timeout_s, newer_than)
        self.taken = self.taken if frame is None else frame.index
        return frame


@pytest.fixture
def camera_slot() -> Callable[..., CountedSlot]:
    return CountedSlot


@dataclass
class Kept:
    """A store that remembers what it was given."""

    events: list[Event] = field(default_factory=list)
    thumbnails: list[bytes | None] = field(default_factory=list)

    def __call__(self, event: Event, thumbnail: bytes | None) -> None:
        self.events.append(event)
        self.thumbnails.append(thumbnail)

    def of(self, kind: str) -> list[Any]:
        return [event.body for event in self.events if event.kind == kind]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 30) -> list[Any]:
        until = time.monotonic() + timeout_s
        while len(self.of(kind)) < count and time.monotonic() < until:
            time.sleep(0.01)
        return self.of(kind)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@dataclass
class Running:
    """An engine with its slot and store."""

    engine: Engine
    slots: dict[str, CountedSlot]
    kept: Kept

    def show(self, image: Picture, camera: str = "desk", timeout_s: float = 30) -> LiveFrame:
        """Put a frame, and wait until it is processed."""
        index = self.slots[camera].show(image)
        found = self.engine.live(camera, index - 1, timeout_s)
        assert found is not None, self.engine.reasons()
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts an engine on a configuration; ends it after the test."""
    running: list[Engine] = []

    def started(cameras: Sequence[str] = ("desk",), **sections: Any) -> Running:
        config = KioskConfig.model_validate(
            {"data": tmp_path / "data", "staleness_s": 60.0,
             "cameras": {name: CameraConfig(source="synthetic:notes") for name in cameras},
             "bundles": {"measure": False}, **sections}
        )  # fmt: skip
        slots, kept = {name: CountedSlot(name) for name in cameras}, Kept()
        engine = Engine(config, open_models(config), slots, kept, lambda: True)
        engine.start()
        running.append(engine)
        return Running(engine, slots, kept)

    yield started
    for engine in running:
        assert engine.stop() == 0


class ScriptedFaces:
    """Answers as YuNet does, for faces at stated places: x, y, pixels between the eyes."""

    def __init__(self) -> None:
        self.faces: list[FaceAt] = []
        self.fails = False

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        if self.fails:
            raise RuntimeError("the runtime broke")
        numbers = zip(NAMES, (1,) * 6 + (4,) * 3 + (10,) * 3, strict=True)
        table = {name: np.zeros((1, (SIDE // int(name.split("_")[1])) ** 2, n), np.float32)
                 for name, n in numbers}  # fmt: skip
        for x, y, eyes in self.faces:
            column, row = int(x // STRIDE), int(y // STRIDE)
            cell, side = row * (SIDE // STRIDE) + column, 2.6 * eyes / STRIDE
            corner = np.array((column, row))
            table["cls_32"][0, cell] = table["obj_32"][0, cell] = 0.95
            table["bbox_32"][0, cell] = (
                x / STRIDE - column,
                y / STRIDE - row,
                *np.log((side,) * 2),
            )
            points = _LAYOUT * eyes + (x, y)
            table["kps_32"][0, cell] = (points / STRIDE - corner).ravel()
        return tuple(table[name] for name in NAMES)

    run_batch = run


class TintEmbedder:
    """Its vector is the mean colour, less grey."""

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        return (np.asarray(inputs)[0].mean((1, 2))[None].astype(np.float32) - 128,)

    run_batch = run


def people_picture(places: Sequence[FaceAt], people: Sequence[int]) -> Picture:
    """Grey noise, in which people 0 to 3 have a tint around their face."""
    picture = np.random.default_rng(5).normal(128, 25, (SIDE, SIDE, 3))
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    for (x, y, eyes), person in zip(places, people, strict=True):
        picture[np.hypot(across - x, down - y) < 2.6 * eyes] += _TINTS[person][::-1]
    return picture.clip(0, 255).astype(np.uint8)


@dataclass
class FaceBundles:
    """Bundles of a scripted detector and embedder, a key, and pictures for them."""

    script: ScriptedFaces
    section: dict[str, Any]
    """Of the configuration."""
    folder: Path

    def stand(self, *people: int, eyes: float = 40.0) -> Picture:
        """Return a picture of people side by side, that the script finds."""
        places = [(90.0, 160.0, eyes), (240.0, 160.0, eyes)][: len(people)]
        self.script.faces = list(places)
        return people_picture(places, people)


@pytest.fixture
def face_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoo_bundle: Path) -> FaceBundles:
    from edgecnn_device.backends import open_backend

    script = ScriptedFaces()
    answers = {b"finds faces": script, b"embeds faces": TintEmbedder()}

    def opened(kind: str, data: bytes, *given: object) -> object:
        return answers[data] if data in answers else open_backend(kind, data, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("edgecnn_device.runner.open_backend", opened)
    curve = MatchCurve(points=((0.1, 0.8), (1e-3, 0.9)), pairs=3000, people=80, data="drawn",
                       default_fmr=0.01)  # fmt: skip
    decodes = {"tensors": (TensorsDecode(names=NAMES), SIDE, 16),
               "embed": (VectorDecode(size=3, curve=curve), 112, 3)}  # fmt: skip
    paths = []
    like = read_bundle(zoo_bundle).manifest
    for (task, (decode, side, size)), model in zip(decodes.items(), answers, strict=True):
        spec = InputSpec(width=side, height=side, mean=(0,) * 3, std=(1,) * 3, layout="nchw",
                         resize="letterbox")  # fmt: skip
        zeros = (("model.tflite", np.zeros((1, size), np.float32)),)
        golden = pack_golden(Golden((np.zeros((2, 2, 3), np.uint8),), zeros))
        variant = like.variants[0].model_copy(update={
            "file": "model.tflite", "format": "tflite", "bytes": len(model),
            "sha256": hashlib.sha256(model).hexdigest()})  # fmt: skip
        manifest = like.model_copy(update={
            "name": f"scripted-{task}", "task": task, "decode": decode, "input": spec,
            "variants": (variant,), "golden_sha256": hashlib.sha256(golden).hexdigest(),
            "card_sha256": hashlib.sha256(b"# drawn\n").hexdigest()})  # fmt: skip
        paths.append(tmp_path / "faces" / f"{task}.edge")
        members = {"model.tflite": model, GOLDEN: golden, CARD: b"# drawn\n"}
        write_bundle(paths[-1], manifest, members)
    create_master_key(tmp_path / "master.key")
    section = {"enabled": True, "detector": str(paths[0]), "points": None,
               "embedder": str(paths[1]),
               "key_file": tmp_path / "master.key"}  # fmt: skip
    return FaceBundles(script, section, tmp_path / "faces")
