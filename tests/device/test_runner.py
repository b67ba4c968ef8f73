from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.read import read_bundle
from edgecnn.errors import BundleError
from edgecnn.vision.serials import GLYPHS
from edgecnn_device import Runner, choice, open_runner
from edgecnn_device.backends import FakeBackend
from edgecnn_device.choice import Choice, remember_choice, remembered_choice
from edgecnn_device.runner import choose_variant
from edgecnn_device.tasks.read import serial_of

Line = tuple[NDArray[np.uint8], str]


def _columns(text: str) -> NDArray[np.float32]:
    """Logits that spell ``text``, a blank after each character."""
    logits = np.zeros((1, 2 * len(text), len(GLYPHS) + 1), np.float32)
    logits[0, 1::2, 0] = 20
    for place, char in enumerate(text):
        logits[0, 2 * place, GLYPHS.index(char) + 1] = 20
    return logits


def test_a_fake_backend_stands_in_for_a_network(zoo_bundle: Path, easy_lines: list[Line]) -> None:
    manifest = read_bundle(zoo_bundle).manifest
    backend = FakeBackend(lambda inputs: _columns("HD7746999K"))
    runner = Runner(manifest, manifest.variants[0], backend)
    found = serial_of(runner(easy_lines[0][0]))
    assert found is not None
    assert (found.text, found.currency, backend.calls) == ("HD7746999K", "KRW", 1)
    assert found.confidence > 0.99


@pytest.mark.parametrize("variant", ["tflite-int8", "tflite-fp32", "onnx-int8", "onnx-fp32"])
def test_every_variant_reads_clean_lines(
    zoo_bundle: Path, easy_lines: list[Line], variant: str
) -> None:
    runner = open_runner(zoo_bundle, variant)
    read = [[r.decision for r in runner(image)] for image, _ in easy_lines]
    right = sum(r == [text] for r, (_, text) in zip(read, easy_lines, strict=True))
    assert right >= 7, read  # fonts differ between installs; accuracy is the benchmark's business


def test_an_upside_down_line_is_not_read(zoo_bundle: Path, easy_lines: list[Line]) -> None:
    runner = open_runner(zoo_bundle)
    turned = [runner(np.ascontiguousarray(image[::-1, ::-1])) for image, _ in easy_lines]
    assert sum(bool(r) for r in turned) <= 1, turned


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4000, 3), (2000, 5, 3)])
def test_any_shape_of_picture_has_a_result(zoo_bundle: Path, shape: tuple[int, ...]) -> None:
    assert open_runner(zoo_bundle)(np.full(shape, 128, np.uint8)) == ()


def test_threads_do_not_change_the_reading(zoo_bundle: Path, easy_lines: list[Line]) -> None:
    one, two = (open_runner(zoo_bundle, "tflite-int8", n)(easy_lines[0][0]) for n in (1, 2))
    assert [r.decision for r in one] == [r.decision for r in two]


def test_the_measured_choice_is_taken_until_something_changes(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = read_bundle(zoo_bundle)
    first, last = Choice(bundle.manifest.variants[0]), Choice(bundle.manifest.variants[-1])
    assert remember_choice(bundle, 2, first) is not None
    assert remember_choice(bundle, 1, last) is not None
    assert choose_variant(bundle, None) == last
    assert choose_variant(bundle, None, threads=2) == first
    monkeypatch.setattr(choice, "runtime_versions", lambda: "onnxruntime 9.9")
    assert remembered_choice(bundle, 1) is None


def test_an_unknown_variant_lists_those_there_are(zoo_bundle: Path) -> None:
    with pytest.raises(BundleError, match="tflite-int8"):
        choose_variant(read_bundle(zoo_bundle), "onnx-int4")
