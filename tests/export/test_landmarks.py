"""A trained finder of points through the gate, onto the device, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.cli.run import command as run
from edgecnn.data.synth.heads import POINTS, write_heads
from edgecnn.errors import DataError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export

STRIDES = [[2, 2], [1, 1], [2, 2], [2, 2], [1, 1], [1, 1], [1, 1], [1, 1]]
RECIPE = {
    "name": "heads", "task": "landmarks", "seed": 1,
    "input": {"height": 32, "width": 32, "mean": [90] * 3, "std": [60] * 3},
    "optimizer": {"learning_rate": 0.004, "batch": 16, "epochs": 8}, "normalizer": [0, 1],
    "licence": "Apache-2.0", "provenance": "generated heads",
}  # fmt: skip


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for split, number, seed in (("train", 160, 1), ("test", 40, 2), ("calibration", 20, 3)):
        write_heads(folder / split, number, seed)
    return folder


@pytest.fixture(scope="module", params=["heatmap", "regression"])
def bundle(request: pytest.FixtureRequest, heads: Path) -> Path:
    method = request.param
    model = {"architecture": "mobilenet_v2", "method": method, "channels": 32, "map_stride": 2,
             "options": {"width": 0.25, "feature_channels": 32, "strides": STRIDES}}  # fmt: skip
    data = {"train": str(heads / "train"), "validation": str(heads / "test"), "workers": 0}
    path = heads / f"{method}.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "model": model, "data": data}), encoding="utf-8")
    train(load_recipe(path), heads / method)
    # Trained for seconds: of an untried net a few points may turn, of the way nothing may break.
    options = ExportOptions(calibration=heads / "calibration" / "images", max_drop=25.0)
    done = export(heads / method, heads / f"{method}.edge", options)
    done.require_passed()
    return done.bundle


def test_the_bundle_knows_its_points_and_replays(bundle: Path) -> None:
    manifest = read_bundle(bundle).manifest
    assert manifest.task == "landmarks" and manifest.decode.kind == "points"
    assert (manifest.decode.names, manifest.decode.normalizer) == (POINTS, (0, 1))
    assert len(manifest.variants) == 4
    assert all(v.metric.name == "pck_5" for v in manifest.variants)
    assert all(c.ok for c in verify(bundle))


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-fp32"])
def test_the_device_scores_what_the_gate_scored(bundle: Path, heads: Path, variant: str) -> None:
    arguments = [str(bundle), str(heads / "test"), "--variant", variant, "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).output)
    stated = read_bundle(bundle).variant(variant).metric
    assert (found["samples"], found["variant"]) == (stated.samples, variant)
    assert found["value"] == pytest.approx(stated.value, abs=1e-6)
    assert set(found["nme"]) == {"mean", "low", "high"}


def test_run_prints_pixels_of_the_picture(bundle: Path, heads: Path) -> None:
    picture = heads / "test" / "images" / "00000.png"
    found = json.loads(CliRunner().invoke(run, [str(bundle), str(picture), "--json"]).output)
    (result,) = found["results"]
    points = np.array(result["points"])
    assert (found["task"], points.shape, result["names"]) == ("landmarks", (5, 2), list(POINTS))
    assert ((points > -16) & (points < 80)).all()


def test_other_points_are_refused(bundle: Path, heads: Path, tmp_path: Path) -> None:
    write_heads(tmp_path / "set", 8, 4)
    labels = tmp_path / "set" / "labels.json"
    labels.write_text(labels.read_text().replace('"nose"', '"snout"'))
    options = ExportOptions(precisions=("fp32",), evaluate=tmp_path / "set")
    with pytest.raises(DataError, match="snout"):
        export(heads / bundle.stem, tmp_path / "x.edge", options)
    assert not (tmp_path / "x.edge").exists()
