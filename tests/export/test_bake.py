"""Normalization inside the file changes nothing but what the file takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.bundle.manifest import Format
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.data.synth.shapes import CLASSES, draw_shape
from edgecnn_device.runner import open_runner
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export
from edgecnn_export.sources import Description

DESCRIPTION = Description(
    shape=(3, 32, 32), labels=("a", "b", "c", "d"), mean=(120.0, 110.0, 100.0), std=(60.0,)
)
SAMPLES = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3))


def _bundle(source: str | Path, folder: Path, bake: bool) -> Bundle:
    arrays = ((SAMPLES - np.array(DESCRIPTION.mean)) / 60).astype(np.float32)
    np.save(folder / "nhwc.npy", arrays)
    np.save(folder / "nchw.npy", np.ascontiguousarray(arrays.transpose(0, 3, 1, 2)))
    name = "nchw.npy" if isinstance(source, Path) else "nhwc.npy"
    options = ExportOptions(
        calibration=folder / name, description=DESCRIPTION, bake=bake, max_drop=100.0
    )
    return read_bundle(export(source, folder / f"{bake}.edge", options).bundle)


@pytest.fixture(scope="module", params=["module", "file"])
def bundles(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    root: Path,
    write_onnx: Callable[..., Path],
) -> tuple[Bundle, Bundle]:
    folder = tmp_path_factory.mktemp("bake")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "tests/export")
        source: str | Path = "foreign_net:labels"
        if request.param == "file":
            source = write_onnx("labels", folder / "labels.onnx")
        make = partial(_bundle, source, folder)
        return make(bake=False), make(bake=True)


def test_the_file_takes_pixels(bundles: tuple[Bundle, Bundle]) -> None:
    plain, baked = bundles
    assert (plain.manifest.input.dtype, baked.manifest.input.dtype) == ("float32", "uint8")
    assert open_runner(baked).prepare(np.zeros((9, 9, 3), np.uint8)).dtype == np.uint8
    assert all(c.ok for c in verify(baked.path))


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_float_outputs_are_the_same_and_int8_decides_the_same(
    bundles: tuple[Bundle, Bundle], kind: Format
) -> None:
    if kind not in {v.format for v in bundles[0].manifest.variants}:
        pytest.skip("an ONNX file gives ONNX alone")
    pictures = [draw_shape(CLASSES[i % 4], np.random.default_rng(i)) for i in range(50)]
    found = {}
    for precision in ("fp32", "int8"):
        plain, baked = (open_runner(b, f"{kind}-{precision}") for b in bundles)
        a, b = ([r.infer(r.prepare(p))[0] for p in pictures] for r in (plain, baked))
        found[precision] = np.concatenate(a), np.concatenate(b)
    assert np.abs(found["fp32"][0] - found["fp32"][1]).max() <= 1e-4
    first = [x.argmax(1) for x in found["int8"]]
    assert (first[0] == first[1]).mean() >= 0.98  # of 50; the bar of 99.9 % is measured on more


def test_padding_stays_zero_after_normalization() -> None:
    """A picture of the mean colour is all zeros to the network, up to its border."""
    from edgecnn_export.bake import Baked

    spec = DESCRIPTION.spec(None, "nhwc")
    picture = torch.tensor(spec.mean).expand(1, 8, 8, 3).to(torch.uint8)
    with torch.inference_mode():
        assert Baked(torch.nn.Identity(), spec)(picture).abs().max() == pytest.approx(0, abs=1e-6)
