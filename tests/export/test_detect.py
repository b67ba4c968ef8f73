"""A trained detector through the gate, onto the device, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.cli.run import command as run_command
from edgecnn.data.open import open_dataset
from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.data.synth.crowds import write_crowds
from edgecnn.data.synth.heads import POINTS
from edgecnn.errors import InputError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn_device import open_runner
from edgecnn_device.tasks import Box
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small detector of one kind of thing, trained for a moment."""
    folder = tmp_path_factory.mktemp("detect")
    for split, number, seed in (("train", 160, 1), ("val", 40, 2), ("calibration", 24, 3)):
        write_boxes(folder / split, number, seed, BoxesOptions(side=64, most=2))
    keys = (f"data.train={folder / 'train'}", f"data.validation={folder / 'val'}")
    train(load_recipe(root / "tests/recipes/boxes.yaml", keys), folder / "run")
    return folder


def _options(run: Path, **others: object) -> ExportOptions:
    return ExportOptions(calibration=run / "calibration", max_drop=50.0, ladder=False, **others)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bundle(run: Path) -> Path:
    done = export(run / "run", run / "boxes.edge", _options(run))
    done.require_passed()
    return done.bundle


def test_all_four_variants_are_scored_by_map50_and_replay(bundle: Path) -> None:
    manifest = read_bundle(bundle).manifest
    assert (manifest.task, manifest.decode.kind) == ("detect", "anchors")
    assert {v.metric.name for v in manifest.variants} == {"map50"}
    assert len(manifest.variants) == 4 and all(v.metric.samples == 40 for v in manifest.variants)
    assert all(check.ok for check in verify(bundle))


@pytest.mark.parametrize("variant", ["onnx-fp32", "tflite-fp32", "onnx-int8", "tflite-int8"])
def test_the_device_scores_what_the_gate_scored(bundle: Path, run: Path, variant: str) -> None:
    arguments = [str(bundle), str(run / "val"), "--variant", variant, "--json"]
    done = CliRunner().invoke(evaluate, arguments)
    found = json.loads(done.stdout)
    stated = read_bundle(bundle).variant(variant).metric
    assert (found["metric"], found["samples"], found["variant"]) == ("map50", 40, variant)
    assert found["value"] == pytest.approx(stated.value, abs=1e-6)


def test_float_files_find_what_torch_finds(bundle: Path, run: Path) -> None:
    picture = open_dataset(str(run / "val")).samples[1].read()
    one, two = (
        [b for b in open_runner(bundle, name)(picture) if isinstance(b, Box)]
        for name in ("onnx-fp32", "tflite-fp32")
    )
    assert [b.label for b in one] == [b.label for b in two]
    assert np.allclose([b.box for b in one], [b.box for b in two], atol=0.05)


def test_a_network_that_decodes_scores_the_same(bundle: Path, run: Path) -> None:
    options = _options(run, formats=("onnx",), decode_boxes=True)
    done = export(run / "run", run / "decoded.edge", options)
    done.require_passed()
    manifest = read_bundle(done.bundle).manifest
    assert isinstance(manifest.decode, AnchorsDecode) and manifest.decode.decoded
    plain = {f"{v.format}-{v.precision}": v.metric.value
             for v in read_bundle(bundle).manifest.variants}  # fmt: skip
    fp32 = next(v for v in manifest.variants if v.precision == "fp32")
    assert fp32.metric.value == pytest.approx(plain["onnx-fp32"], abs=1e-6)
    assert all(check.ok for check in verify(done.bundle))


def test_decoding_inside_is_refused_where_it_makes_no_sense(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="256 steps"):
        export(run / "run", tmp_path / "x.edge",
               _options(run, formats=("tflite",), decode_boxes=True))  # fmt: skip


def test_a_run_is_scored_in_torch_as_its_float_files_are(bundle: Path, run: Path) -> None:
    arguments = [str(run / "run"), str(run / "val"), "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).stdout)
    stated = read_bundle(bundle).variant("onnx-fp32").metric.value
    assert found["variant"] == "torch-fp32"
    assert found["value"] == pytest.approx(stated, abs=0.005)


@pytest.fixture(scope="module")
def crowds(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small detector with points, trained for a moment, and its bundle."""
    folder = tmp_path_factory.mktemp("crowds")
    for split, number, seed in (("train", 160, 1), ("val", 40, 2), ("calibration", 24, 3)):
        write_crowds(folder / split, number, seed, side=64, most=2)
    keys = (f"data.train={folder / 'train'}", f"data.validation={folder / 'val'}",
            f"model.points=[{', '.join(POINTS)}]")  # fmt: skip
    train(load_recipe(root / "tests/recipes/boxes.yaml", keys), folder / "run")
    export(folder / "run", folder / "crowds.edge", _options(folder)).require_passed()
    return folder


def test_a_bundle_with_points_replays_and_scores_them(crowds: Path) -> None:
    bundle = crowds / "crowds.edge"
    decode = read_bundle(bundle).manifest.decode
    assert isinstance(decode, AnchorsDecode) and decode.points == POINTS
    assert all(check.ok for check in verify(bundle))
    for source, variant in ((crowds / "run", ()), (bundle, ("--variant", "onnx-fp32"))):
        done = CliRunner().invoke(evaluate, [str(source), str(crowds / "val"), *variant, "--json"])
        found = json.loads(done.stdout)["points"]
        assert 0 < found["error"] < 0.2 and found["boxes"] + found["missed"] > 20


def test_points_are_given_by_every_file_and_shown_as_json(crowds: Path) -> None:
    picture = next(s for s in open_dataset(str(crowds / "val")).samples if len(s.boxes))
    bundle, given = crowds / "crowds.edge", []
    for name in ("onnx-fp32", "tflite-fp32"):
        runner = open_runner(bundle, name)
        assert isinstance(runner.manifest.decode, AnchorsDecode)
        given.append([b for b in runner(picture.read()) if isinstance(b, Box)])
    assert given[0] and all(len(box.points) == 5 for box in given[0])
    assert np.allclose([b.points for b in given[0]], [b.points for b in given[1]], atol=0.05)
    source = str(crowds / "val" / picture.name)
    done = CliRunner().invoke(
        run_command, [str(bundle), source, "--variant", "onnx-fp32", "--json"]
    )
    shown = json.loads(done.stdout.splitlines()[0])["results"]
    assert np.allclose([r["points"] for r in shown], [b.points for b in given[0]], atol=0.01)


def test_a_network_that_decodes_gives_the_same_points(crowds: Path) -> None:
    options = _options(crowds, formats=("onnx",), decode_boxes=True)
    done = export(crowds / "run", crowds / "decoded.edge", options)
    picture = next(s for s in open_dataset(str(crowds / "val")).samples if len(s.boxes)).read()
    plain, inside = (
        [b for b in open_runner(path, "onnx-fp32")(picture) if isinstance(b, Box)]
        for path in (crowds / "crowds.edge", done.bundle)
    )
    assert plain and np.allclose([b.points for b in plain], [b.points for b in inside], atol=0.05)
