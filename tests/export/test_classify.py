"""A trained classifier through the gate, onto the device, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.cli.run import command as run
from edgecnn.data.synth.shapes import write_shapes
from edgecnn.errors import DataError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    for split, number, seed in (("train", 400, 1), ("test", 80, 2), ("calibration", 40, 3)):
        write_shapes(folder / split, number, seed)
    return folder


@pytest.fixture(scope="module")
def bundle(root: Path, shapes: Path) -> Path:
    keys = (f"data.train={shapes}:train", "model.architecture=five_stage", "optimizer.epochs=3",
            "data.augment={}")  # fmt: skip
    train(load_recipe(root / "tests/recipes/shapes.yaml", keys), shapes.parent / "run")
    pictures = "\n".join(str(p) for p in sorted((shapes / "calibration").rglob("*.png")))
    (shapes.parent / "calibration.txt").write_text(pictures, encoding="utf-8")
    options = ExportOptions(calibration=shapes.parent / "calibration.txt", max_drop=5.0,
                            evaluate=Path(f"{shapes}:test"))  # fmt: skip
    done = export(shapes.parent / "run", shapes.parent / "shapes.edge", options)
    done.require_passed()
    return done.bundle


def test_the_bundle_knows_its_classes_and_replays(bundle: Path) -> None:
    manifest = read_bundle(bundle).manifest
    assert manifest.task == "classify"
    assert manifest.decode.kind == "labels"
    assert len(manifest.variants) == 4
    assert all(v.metric.name == "accuracy" and v.metric.samples == 80 for v in manifest.variants)
    assert all(c.ok for c in verify(bundle))


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-fp32"])
def test_the_device_scores_what_the_gate_scored(bundle: Path, shapes: Path, variant: str) -> None:
    arguments = [str(bundle), f"{shapes}:test", "--variant", variant, "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).output)
    stated = read_bundle(bundle).variant(variant).metric
    assert (found["samples"], found["variant"]) == (80, variant)
    assert found["value"] == pytest.approx(stated.value)
    assert found["value"] > 0.35  # a guess is right a quarter of the time


def test_run_prints_labels(bundle: Path, shapes: Path) -> None:
    picture = next((shapes / "test" / "ring").glob("*.png"))
    found = json.loads(CliRunner().invoke(run, [str(bundle), str(picture), "--json"]).output)
    assert found["task"] == "classify"
    assert set(found["results"][0]) == {"label", "index", "score"}
    assert len(found["results"]) == 4


def test_other_classes_are_refused(bundle: Path, shapes: Path, tmp_path: Path) -> None:
    write_shapes(tmp_path / "set", 8, 4)
    (tmp_path / "set" / "ring").rename(tmp_path / "set" / "loop")
    options = ExportOptions(precisions=("fp32",), evaluate=tmp_path / "set")
    with pytest.raises(DataError, match="loop"):
        export(shapes.parent / "run", tmp_path / "x.edge", options)
    assert not (tmp_path / "x.edge").exists()
