"""A classifier as a detector: the window slid by the device, and the convolutional bundle."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edgecnn.bundle.decode import WindowsDecode
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.export import command as export_command
from edgecnn.cli.inspect import command as inspect
from edgecnn.cli.run import command as run
from edgecnn.data.images import read_image
from edgecnn.data.synth.shapes import write_shapes
from edgecnn.errors import DataError, InputError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.vision.preprocess import network_input
from edgecnn_device import Runner, open_runner
from edgecnn_device.verify import verify
from edgecnn_device.windows import window_corners
from edgecnn_export import ExportOptions, export
from edgecnn_export.sources import Sliding, open_source, slide

SIDE, STRIDE = 32, 4  # of LeNet-5


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    for split, number, seed in (("train", 400, 1), ("test", 60, 2), ("calibration", 24, 3)):
        write_shapes(folder / split, number, seed)
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, shapes: Path) -> Path:
    keys = (f"data.train={shapes}:train", "optimizer.epochs=4", "data.augment={}")
    train(load_recipe(root / "tests/recipes/shapes.yaml", keys), shapes.with_name("run-sliding"))
    return shapes.with_name("run-sliding")


def _export(
    source: Path, shapes: Path, name: str, sliding: Sliding | None, *precisions: str
) -> Path:
    options = ExportOptions(
        calibration=shapes / "calibration", evaluate=Path(f"{shapes}:test"), max_drop=10.0,
        precisions=precisions or ("fp32",), sliding=sliding, method="minmax",  # type: ignore[arg-type]
    )  # fmt: skip
    done = export(source, shapes.with_name(f"sliding-{name}.edge"), options)
    done.require_passed()
    return done.bundle


@pytest.fixture(scope="module")
def classifier(trained: Path, shapes: Path) -> Path:
    return _export(trained, shapes, "classifier", None)


@pytest.fixture(scope="module")
def any_size(trained: Path, shapes: Path) -> Path:
    return _export(trained, shapes, "any", Sliding(), "int8", "fp32")


@pytest.fixture(scope="module")
def one_size(trained: Path, shapes: Path) -> Path:
    return _export(trained, shapes, "one", Sliding((1, 64, 96), ("square",)), "int8", "fp32")


@pytest.fixture(scope="module")
def scene(shapes: Path) -> NDArray[np.uint8]:
    """Four pictures of the test split side by side, (80, 120)."""
    picked = [read_image(p) for p in sorted((shapes / "test").rglob("*.png"))[::15]]
    rows = [np.concatenate(picked[i : i + 2], 1) for i in (0, 2)]
    return np.asarray(cv2.resize(np.concatenate(rows), (120, 80)), np.uint8)


def _window_logits(runner: Runner, scene: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (classes, rows, columns) by running each window alone."""
    height, width = scene.shape[0] // STRIDE * STRIDE, scene.shape[1] // STRIDE * STRIDE
    spec = runner.manifest.input.model_copy(update={"resize": "none"})
    inputs = network_input(scene, spec)
    corners = window_corners((width, height), (SIDE, SIDE), STRIDE)
    cut = np.asarray([inputs[y : y + SIDE, x : x + SIDE] for x, y in corners], np.float32)
    (logits,) = runner.infer_batch(cut)
    rows = (height - SIDE) // STRIDE + 1
    return logits.T.reshape(logits.shape[1], rows, -1)


def test_the_bundle_says_at_every_position_what_windows_say(
    classifier: Path, any_size: Path, scene: NDArray[np.uint8]
) -> None:
    slid = open_runner(any_size, "onnx-fp32")
    (found,) = slid.infer(slid.prepare(scene))
    assert found.shape == (1, 4, 13, 23)
    for variant in ("onnx-fp32", "tflite-fp32"):
        wanted = _window_logits(open_runner(classifier, variant), scene)
        assert np.abs(found[0] - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())


def test_any_size_is_onnx_alone_and_replays(any_size: Path) -> None:
    manifest = read_bundle(any_size).manifest
    assert (manifest.task, manifest.input.resize) == ("detect", "none")
    assert [(v.format, v.precision) for v in manifest.variants] == [
        ("onnx", "int8"), ("onnx", "fp32")
    ]  # fmt: skip
    assert isinstance(manifest.decode, WindowsDecode)
    assert (manifest.decode.window, manifest.decode.stride) == ((SIDE, SIDE), (STRIDE, STRIDE))
    assert all(v.metric.name == "accuracy" and v.metric.samples == 60 for v in manifest.variants)
    assert all(c.ok for c in verify(any_size))


def test_any_size_is_inspected_at_any_size(any_size: Path) -> None:
    tables = [
        json.loads(CliRunner().invoke(inspect, [str(any_size), "--json", *size]).stdout)
        for size in ((), ("--input", "1,64,96"))
    ]
    assert [t["layers"][-1]["output"] for t in tables] == [[4, 1, 1], [4, 9, 17]]
    assert [t["receptive_field"] for t in tables] == [SIDE, SIDE]


def test_one_size_is_both_formats_and_replays(one_size: Path) -> None:
    manifest = read_bundle(one_size).manifest
    spec = manifest.input
    assert (spec.resize, spec.width, spec.height) == ("letterbox", 96, 64)
    assert len(manifest.variants) == 4
    assert all(c.ok for c in verify(one_size))


def test_the_gate_earns_what_the_classifier_earns(
    classifier: Path, any_size: Path, one_size: Path
) -> None:
    """LeNet-5 has no padding: where a picture lies on the canvas makes no difference."""
    scores = [read_bundle(b).variant("onnx-fp32").metric.value
              for b in (classifier, any_size, one_size)]  # fmt: skip
    assert scores[0] > 0.35  # a guess is right a quarter of the time
    assert scores[1:] == [scores[0]] * 2


@pytest.mark.parametrize(("name", "size"), [("any", (120, 80)), ("any", (20, 200)),
                                            ("one", (120, 80))])  # fmt: skip
def test_run_gives_boxes_in_the_picture(
    any_size: Path, one_size: Path, scene: NDArray[np.uint8], tmp_path: Path, name: str,
    size: tuple[int, int],
) -> None:  # fmt: skip
    picture = tmp_path / "scene.png"
    cv2.imwrite(str(picture), cv2.resize(scene, size))
    bundle = str(any_size if name == "any" else one_size)
    found = json.loads(CliRunner().invoke(run, [bundle, str(picture), "--json"]).stdout)
    boxes = np.array([r["box"] for r in found["results"]])
    assert (found["task"], len(boxes) > 0) == ("detect", True)
    assert boxes.min() >= 0
    assert (boxes <= [*size, *size]).all()
    if name == "one":
        assert "square" not in {r["label"] for r in found["results"]}


def test_run_slides_a_classifier(
    classifier: Path, scene: NDArray[np.uint8], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "scene.png"), scene)
    arguments = ["--windows", "--scales", "1,0.5", "--stride", "8", "--min-score", "0.3",
                 "--background", "bar", "--json"]  # fmt: skip
    done = CliRunner().invoke(run, [str(classifier), str(tmp_path / "scene.png"), *arguments])
    found = json.loads(done.stdout)
    assert found["task"] == "detect"
    assert found["results"]
    assert all(r["label"] != "bar" and r["score"] >= 0.3 for r in found["results"])


@pytest.mark.parametrize(
    ("sliding", "fault"),
    [(Sliding((3, 64, 64)), "as many channels"), (Sliding((1, 31, 64)), "at least that"),
     (Sliding(background=("sqare",)), "did you mean 'square'")],
)  # fmt: skip
def test_what_cannot_be_slid_is_refused(trained: Path, sliding: Sliding, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        slide(open_source(trained), sliding, ())


def test_tflite_needs_a_size(trained: Path, tmp_path: Path) -> None:
    arguments = [str(trained), "-o", str(tmp_path / "x.edge"), "--convolutional", "--format",
                 "tflite", "--precision", "fp32"]  # fmt: skip
    done = CliRunner().invoke(export_command, arguments)
    assert isinstance(done.exception, InputError)
    assert "one size: give --input" in str(done.exception)


def test_a_reader_is_no_classifier(run_folder: Path) -> None:
    with pytest.raises(InputError, match="expected a RUN that classifies"):
        slide(open_source(run_folder), Sliding(), ())


def test_a_picture_in_both_sets_is_refused(trained: Path, shapes: Path, tmp_path: Path) -> None:
    """Though the gate shows it on a canvas, and calibration as it is."""
    options = ExportOptions(calibration=shapes / "test", evaluate=Path(f"{shapes}:test"),
                            sliding=Sliding())  # fmt: skip
    with pytest.raises(DataError, match="also in the gate set"):
        export(trained, tmp_path / "x.edge", options)
