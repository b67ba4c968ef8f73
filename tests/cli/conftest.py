"""A bundle of a detector that needs no runtime, and pictures of a known spot to find."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle import InputSpec, Manifest, Metric, Parity, Variant, write_bundle
from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.bundle.manifest import CARD, GOLDEN
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.vision.preprocess import Input

SIDE, ANCHOR, MIDDLE = 64, 32, 16
Spot = tuple[int, int, int, int]


class _Spotter:
    """Stands in for a network: the one box around what is bright in (1, 64, 64, 3)."""

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        boxes = np.zeros((1, 4, 4), np.float32)
        scores = np.full((1, 4, 1), -9, np.float32)
        bright = np.argwhere(np.asarray(inputs)[0].min(2) > 180)
        if len(bright):
            near, far = bright.min(0)[::-1], bright.max(0)[::-1] + 1
            boxes[0, 0] = (*((near + far) / 2 - MIDDLE) / ANCHOR, *np.log((far - near) / ANCHOR))
            scores[0, 0] = 3
        return boxes, scores


@pytest.fixture
def spotter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the detector's bundle."""
    monkeypatch.setattr("edgecnn_device.runner.open_backend", lambda *given: _Spotter())
    model, card = b"no network", b"# spots\n"
    outputs = (("spots.onnx", np.zeros((1, 20), np.float32)),)
    golden = pack_golden(Golden((np.zeros((2, 2, 3), np.uint8),), outputs))
    manifest = Manifest(
        name="spots", task="detect", architecture="none",
        input=InputSpec(width=SIDE, height=SIDE, mean=(0,) * 3, std=(1,) * 3, resize="letterbox"),
        decode=AnchorsDecode(labels=("spot",), strides=(32,), anchors=(((ANCHOR, ANCHOR),),)),
        variants=(Variant(
            file="spots.onnx", format="onnx", precision="fp32", scheme="none", golden_bound=1,
            sha256=hashlib.sha256(model).hexdigest(), bytes=len(model),
            metric=Metric(name="map", value=1, samples=1, drop=0, drop_low=0, drop_high=0),
            parity=Parity(samples=1, max_abs=0, reference_max=1, cosine=1, sqnr_db=99),
        ),),
        golden_sha256=hashlib.sha256(golden).hexdigest(),
        card_sha256=hashlib.sha256(card).hexdigest(),
        calibration=None, source_sha256="0" * 64, licence="Apache-2.0", provenance="made here",
    )  # fmt: skip
    path = tmp_path / "bundle" / "spots.edge"
    write_bundle(path, manifest, {"spots.onnx": model, GOLDEN: golden, CARD: card})
    return str(path)


@pytest.fixture(scope="session")
def spotted() -> Callable[..., NDArray[np.uint8]]:
    """Paints a bright spot x1, y1, x2, y2 into a dark picture of a width and a height."""

    def painted(width: int, height: int, spot: Spot) -> NDArray[np.uint8]:
        image = np.full((height, width, 3), 30, np.uint8)
        image[spot[1] : spot[3], spot[0] : spot[2]] = 240
        return image

    return painted


@pytest.fixture(scope="session")
def write_video() -> Callable[..., None]:
    """Writes frames as a video of 10 frames per second; skips where OpenCV cannot."""

    def write(path: Path, frames: list[NDArray[np.uint8]]) -> None:
        if path.suffix == ".gif":
            from PIL import Image

            first, *rest = (Image.fromarray(f[:, :, ::-1]) for f in frames)
            first.save(path, save_all=True, append_images=rest, duration=100)
            return
        codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
        size = (frames[0].shape[1], frames[0].shape[0])
        writer = cv2.VideoWriter(str(path), codec, 10.0, size)
        if not writer.isOpened():
            pytest.skip(f"this OpenCV cannot write {path.suffix}")
        for frame in frames:
            writer.write(frame)
        writer.release()

    return write
