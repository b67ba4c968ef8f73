"""A trained embedder through the gate, with its curve, onto the device, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from edgecnn.bundle.decode import LabelsDecode, MatchCurve, VectorDecode
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.data.open import open_dataset
from edgecnn.data.synth.patterns import write_patterns
from edgecnn.data.synth.shapes import draw_shape
from edgecnn.errors import DataError, InputError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.vision.matching import threshold_for, unit
from edgecnn_device.runner import open_runner
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export
from edgecnn_export.curve import strictest
from edgecnn_export.sources import open_source
from edgecnn_export.tasks.embed import EmbedGate

SETS = (("train", 12, 1), ("val", 8, 2), ("calibration", 4, 3), ("curve", 10, 4))
RECIPE = {
    "name": "patterns", "task": "embed", "seed": 1,
    "input": {"height": 32, "width": 32, "channels": 1, "colour": "grey", "mean": [90],
              "std": [60]},
    "model": {"architecture": "lenet5", "size": 16}, "loss": {"kind": "triplet"},
    "optimizer": {"learning_rate": 0.003, "batch": 24, "epochs": 10},
    "licence": "Apache-2.0", "provenance": "generated patterns",
}  # fmt: skip


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sets of other "people" each, and a run."""
    folder = tmp_path_factory.mktemp("patterns")
    for name, people, seed in SETS:
        write_patterns(folder / name, people, 6, seed)
    data = {"train": str(folder / "train"), "validation": str(folder / "val"), "workers": 0}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "data": data}), encoding="utf-8")
    train(load_recipe(path), folder / "run")
    return folder


@pytest.fixture(scope="module")
def bundle(patterns: Path) -> Path:
    # Trained for seconds, 120 pairs of 8 people: a few may be lost, the way may not break.
    options = ExportOptions(
        calibration=patterns / "calibration", curve=patterns / "curve", max_drop=15.0
    )
    done = export(patterns / "run", patterns / "m.edge", options)
    done.require_passed()
    return done.bundle


def _curve(bundle: Path) -> MatchCurve:
    decode = read_bundle(bundle).manifest.decode
    assert isinstance(decode, VectorDecode) and decode.curve is not None
    return decode.curve


def test_the_bundle_has_a_curve_and_replays_without_anybodys_picture(bundle: Path) -> None:
    opened = read_bundle(bundle)
    assert (opened.manifest.task, len(opened.manifest.variants)) == ("embed", 4)
    assert {v.metric.name for v in opened.manifest.variants} == {"tar_fmr_1e-2"}
    curve = _curve(bundle)
    assert (curve.people, curve.pairs) == (10, 45 * 36)
    assert curve.end == pytest.approx(3 / curve.pairs)
    assert np.array_equal(opened.golden().pictures[0],
                          draw_shape("bar", np.random.default_rng((20_000, 0))))  # fmt: skip
    assert all(c.ok for c in verify(bundle))
    assert "false matches" in opened.card()


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-fp32"])
def test_a_rate_of_the_curve_holds_for_every_variant(
    bundle: Path, patterns: Path, variant: str
) -> None:
    runner, dataset = open_runner(bundle, variant), open_dataset(patterns / "curve")
    found = [runner.infer(runner.prepare(s.read()))[0][0] for s in dataset.samples]
    units, people = unit(np.stack(found)), np.array([s.label for s in dataset.samples])
    one, two = np.triu_indices(len(people), 1)
    others = (units @ units.T)[one, two][people[one] != people[two]]
    for rate, threshold in _curve(bundle).points:
        assert (others > threshold + 1e-6).mean() <= rate
        assert threshold_for(_curve(bundle), rate) == pytest.approx(threshold)


@pytest.mark.parametrize("variant", ["tflite-fp32", "onnx-fp32"])
def test_the_device_scores_what_the_gate_scored(bundle: Path, patterns: Path, variant: str) -> None:
    arguments = [str(bundle), str(patterns / "val"), "--variant", variant, "--json"]
    found = json.loads(CliRunner().invoke(evaluate, arguments).output)
    stated = read_bundle(bundle).variant(variant).metric
    assert (found["samples"], found["variant"]) == (48, variant)
    assert found["value"] == pytest.approx(stated.value, abs=0.02)


def test_a_model_that_makes_all_faces_alike_does_not_pass(patterns: Path) -> None:
    gate = open_source(patterns / "run").gate
    assert isinstance(gate, EmbedGate)
    samples = gate.open(None).samples
    which = np.arange(len(samples))
    rng = np.random.default_rng(0)
    good = np.repeat(np.eye(8, 16, dtype=np.float32), 6, axis=0)
    alike = (1 + 0.01 * rng.normal(size=good.shape)).astype(np.float32)
    reference = gate.score((good,), (good,), which)
    collapsed = gate.score((alike,), (good,), which)
    assert (reference.value, reference.samples) == (1.0, 48)
    assert collapsed.value < 0.1 and reference.drop_to(collapsed).low > 90


@pytest.mark.parametrize("name", ["calibration", "val"])
def test_a_curve_of_people_who_calibrated_or_chose_is_refused(patterns: Path, name: str) -> None:
    options = ExportOptions(calibration=patterns / "calibration", curve=patterns / name)
    with pytest.raises(DataError, match="people of their own"):
        export(patterns / "run", patterns / "x.edge", options)
    assert not (patterns / "x.edge").exists()


def test_a_curve_is_for_vectors_alone(patterns: Path, tmp_path: Path) -> None:
    source = open_source(patterns / "run")
    source.gate.decode = LabelsDecode(labels=("one", "two"))
    options = ExportOptions(curve=patterns / "curve", precisions=("fp32",))
    with pytest.raises(InputError, match="for what gives vectors"):
        export(source, tmp_path / "x.edge", options)


def test_the_strictest_threshold_is_kept_for_each_rate(bundle: Path) -> None:
    curve = _curve(bundle)
    rates = [rate for rate, _ in curve.points]
    low, high = (
        curve.model_copy(update={"points": tuple((r, base + 0.1 * i) for i, r in enumerate(rates))})
        for base in (0.1, 0.15)
    )
    assert strictest([low, high]).points == high.points == strictest([high, low]).points
