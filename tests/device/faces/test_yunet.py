from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import TensorsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.bundle.read import read_bundle
from edgecnn.errors import BundleError
from edgecnn.vision.placement import placement
from edgecnn_device import Runner
from edgecnn_device.backends import open_backend
from edgecnn_device.faces import FaceFinder, YunetRules
from edgecnn_device.faces.yunet import NAMES, decode_yunet


def test_outputs_of_another_size_are_refused(yunet: Runner) -> None:
    outputs = tuple(np.zeros((1, 7, 1), np.float32) for _ in NAMES)
    with pytest.raises(BundleError, match=r"cls_8: expected \(1, 1600, 1\)"):
        decode_yunet(outputs, yunet.manifest, (320, 320), YunetRules())


def test_what_is_not_finite_is_never_given(yunet: Runner) -> None:
    outputs = [np.array(x) for x in yunet.infer(np.zeros((1, 3, 320, 320), np.float32))]
    outputs[0][:] = outputs[3][:] = 1.0
    for index in (6, 9):
        outputs[index][:] = np.nan if index == 9 else 1e4
    assert decode_yunet(tuple(outputs), yunet.manifest, (320, 320), YunetRules()) == ()


@pytest.fixture(scope="module")
def pictures(real_data: Path) -> list[NDArray[np.uint8]]:
    """Forty pictures of people of no fold."""
    out = []
    with tarfile.open(real_data / "lfw_more.tar") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".jpg"):
                data = np.frombuffer(file.read(), np.uint8)
                out.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8))
            if len(out) == 40:
                return out
    return out


def test_it_finds_what_opencv_finds(
    real_data: Path, zoo_bundle: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    """On pictures that are brought to 320 x 320 first, so that both see the same pixels."""
    model = real_data / "face_yunet" / "yunet_n_320_320.onnx"
    spec = InputSpec(width=320, height=320, mean=(0,) * 3, std=(1,) * 3, layout="nchw",
                     colour="bgr", resize="letterbox")  # fmt: skip
    change = {"task": "tensors", "decode": TensorsDecode(names=NAMES), "input": spec}
    manifest = read_bundle(zoo_bundle).manifest.model_copy(update=change)
    backend = open_backend("onnx", model.read_bytes())
    names = TensorsDecode(names=_names_in_file(model))
    runner = Runner(manifest.model_copy(update={"decode": names}), manifest.variants[0], backend)
    finder = FaceFinder(runner, YunetRules(min_score=0.5), sure=0)
    theirs = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.5, 0.3, 5000)
    faces = 0
    for picture in pictures:
        shown = placement((picture.shape[1], picture.shape[0]), spec).shown
        large = np.asarray(cv2.resize(picture, shown), np.uint8)
        found, wanted = finder(large), theirs.detect(large)[1]
        assert len(found) == (0 if wanted is None else len(wanted))
        for ours, row in zip(found, [] if wanted is None else wanted, strict=True):
            assert np.abs(ours.points.ravel() - row[4:14]).max() < 1e-2
            assert ours.score == pytest.approx(row[14], abs=1e-4)
            faces += 1
    assert faces >= 40


def _names_in_file(model: Path) -> tuple[str, ...]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return tuple(output.name for output in session.get_outputs())
