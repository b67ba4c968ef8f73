"""A trained localizer through the gate, onto the device, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.cli.run import command as run
from edgecnn.data.open import open_dataset
from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export
from edgecnn_export.tasks.localize import LocalizeGate
from edgecnn_export.tolerances import DEFAULT_MAX_DROP


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    for split, number, seed in (("train", 400, 1), ("test", 60, 2), ("calibration", 30, 3)):
        write_boxes(folder / split, number, seed, BoxesOptions(side=48, most=1))
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, boxes: Path) -> Path:
    keys = (f"data.train={boxes}:train",)
    train(load_recipe(root / "tests/recipes/localize.yaml", keys), boxes.with_name("run-localize"))
    return boxes.with_name("run-localize")


@pytest.fixture(scope="module")
def bundle(trained: Path, boxes: Path) -> Path:
    options = ExportOptions(calibration=boxes / "calibration", max_drop=5.0,
                            evaluate=Path(f"{boxes}:test"))  # fmt: skip
    done = export(trained, boxes.with_name("localize.edge"), options)
    done.require_passed()
    return done.bundle


def _evaluate(*arguments: object) -> dict[str, object]:
    found = CliRunner().invoke(evaluate, [*map(str, arguments), "--json"])
    assert found.exit_code == 0, found.output
    content: dict[str, object] = json.loads(found.output)
    return content


def test_the_bundle_knows_its_classes_and_replays(bundle: Path) -> None:
    manifest = read_bundle(bundle).manifest
    assert (manifest.task, manifest.decode.kind) == ("localize", "box")
    assert manifest.architecture == "five_stage, localize head"
    assert len(manifest.variants) == 4
    assert all(v.metric.name == "localization_iou" for v in manifest.variants)
    assert all(c.ok for c in verify(bundle))


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-int8", "onnx-fp32"])
def test_the_device_scores_what_the_gate_scored(bundle: Path, boxes: Path, variant: str) -> None:
    found = _evaluate(bundle, f"{boxes}:test", "--variant", variant)
    stated = read_bundle(bundle).variant(variant).metric
    assert (found["samples"], found["variant"]) == (60, variant)
    assert found["value"] == pytest.approx(stated.value, abs=1e-6)


def test_a_run_is_scored_as_its_float_variant(trained: Path, bundle: Path, boxes: Path) -> None:
    one = _evaluate(trained, f"{boxes}:test")
    two = _evaluate(bundle, f"{boxes}:test", "--variant", "onnx-fp32")
    assert one["value"] == pytest.approx(two["value"], abs=1e-3)
    figures = one["figures"]
    assert isinstance(figures, dict)
    assert figures["mean_iou"]["value"] > 0.4  # always the middle quarter would give 0.1
    assert figures["wrong_presence"]["value"] < 0.1


def test_a_person_reads_a_table(trained: Path, boxes: Path) -> None:
    found = CliRunner().invoke(evaluate, [str(trained), f"{boxes}:test"])
    assert "localization_iou" in found.output and "wrong_presence" in found.output


def test_run_prints_a_box_or_nothing(bundle: Path, boxes: Path) -> None:
    arguments = [str(bundle), str(boxes / "test"), "--variant", "onnx-fp32", "--json"]
    lines = CliRunner().invoke(run, arguments).output.splitlines()
    rows = [json.loads(line) for line in lines]
    there = [len(s.boxes) for s in open_dataset(f"{boxes}:test").samples]
    said = [len(row["results"]) for row in rows]
    assert {row["task"] for row in rows} == {"localize"}
    assert sum(a == b for a, b in zip(said, there, strict=True)) > 0.9 * len(there)
    found = next(row["results"][0] for row in rows if row["results"])
    assert set(found) == {"label", "score", "box"}
    assert all(0 <= v <= 48 for v in found["box"])


def test_the_gate_has_a_tolerance_of_its_own() -> None:
    assert LocalizeGate.metric in DEFAULT_MAX_DROP
