"""The whole way once: a RUN through the gate, and what a miss leaves behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgecnn.bundle.read import read_bundle
from edgecnn.bundle.sign import generate_key_pair, load_private_key, load_public_key
from edgecnn.errors import CheckpointError, DataError, GateError, InputError
from edgecnn_device.verify import verify
from edgecnn_export import Exported, ExportOptions, export
from edgecnn_export.quantize import measure_ranges


@pytest.fixture(scope="session")
def exported(
    run_folder: Path, calibration: Path, gate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    out = tmp_path_factory.mktemp("out") / "reader.edge"
    options = ExportOptions(calibration=calibration, evaluate=gate, max_drop=5.0)
    return export(run_folder, out, options)


def test_all_four_variants_pass(exported: Exported) -> None:
    assert exported.passed
    found = [(v.variant.format, v.variant.precision) for v in exported.variants]
    assert found == [("tflite", "int8"), ("onnx", "int8"), ("tflite", "fp32"), ("onnx", "fp32")]
    exported.require_passed()


def test_the_float_variants_equal_torch(exported: Exported) -> None:
    for item in exported.variants:
        if item.variant.precision == "fp32":
            parity = item.variant.parity
            assert parity.max_abs <= 1e-3 * max(1.0, parity.reference_max)


def test_int8_is_a_quarter_of_float_and_names_its_scheme(exported: Exported) -> None:
    size = {(v.variant.format, v.variant.precision): v.variant.bytes for v in exported.variants}
    for kind in ("onnx", "tflite"):
        assert size[kind, "int8"] < 0.5 * size[kind, "fp32"]
        assert size[kind, "int8"] <= 2_000_000
    schemes = {v.variant.scheme for v in exported.variants}
    assert schemes == {"static_wi8_ai8", "static_qdq_wi8_per_channel_ai8", "float32"}


def test_the_bundle_verifies_and_tells_no_path(exported: Exported, root: Path) -> None:
    assert all(c.ok for c in verify(exported.bundle))
    content = exported.bundle.read_bytes()
    assert str(root).encode() not in content
    assert b"site-packages" not in content
    assert b"/tmp" not in content


def test_the_report_lies_beside_it(exported: Exported) -> None:
    report = json.loads((exported.bundle.parent / "reader.report.json").read_text())
    assert report["passed"] is True
    keys = {"file", "format", "precision", "scheme", "bytes", "parity", "metric", "rung",
            "excluded", "passed"}  # fmt: skip
    assert all(keys <= set(v) for v in report["variants"])


def test_a_miss_leaves_only_rejected_files(
    run_folder: Path, calibration: Path, gate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spoil the ranges, as a wrong calibration would: the int8 variant must not be published."""
    monkeypatch.setattr(
        "edgecnn_export.workshop.measure_ranges",
        lambda kind, model, inputs, method, name: measure_ranges(
            kind, model, (x * 0.02 for x in inputs), method, name
        ),
    )
    options = ExportOptions(
        calibration=calibration, evaluate=gate, formats=("onnx",), ladder=False, method="minmax"
    )
    done = export(run_folder, tmp_path / "out" / "bad.edge", options)
    assert not done.passed
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"bad.edge.rejected", "bad.report.json.rejected"}
    with pytest.raises(GateError, match="onnx-int8 serial_exact drops"):
        done.require_passed()


def test_fp32_alone_needs_no_calibration(run_folder: Path, gate: Path, tmp_path: Path) -> None:
    options = ExportOptions(evaluate=gate, formats=("onnx",), precisions=("fp32",))
    generate_key_pair(tmp_path / "k.pem")
    key = tmp_path / "k.pem"
    signed = replace(options, key=load_private_key(key))
    done = export(run_folder, tmp_path / "f.edge", signed)
    assert read_bundle(done.bundle, [load_public_key(tmp_path / "k.pub")]).signed


def test_every_scheme_stands_in_the_bundle_by_its_true_name(
    run_folder: Path, calibration: Path, gate: Path, tmp_path: Path
) -> None:
    options = ExportOptions(
        calibration=calibration, evaluate=gate, formats=("onnx",), max_drop=5.0,
        precisions=("fp16", "int8-symmetric", "int8-weights", "int8-dynamic", "int16x8"),
        method="percentile",
    )  # fmt: skip
    done = export(run_folder, tmp_path / "all.edge", options)
    schemes = {v.variant.precision: v.variant.scheme for v in done.variants}
    assert schemes["int8-weights"] == "weight_only_wi8_per_channel_af32"
    assert len(schemes) == len(set(schemes.values())) == 5
    done.require_passed()
    assert all(c.ok for c in verify(done.bundle))


def test_a_scheme_that_a_format_lacks_is_refused_before_any_work(
    run_folder: Path, tmp_path: Path
) -> None:
    options = ExportOptions(formats=("tflite",), precisions=("int8-symmetric",))
    with pytest.raises(InputError, match="expected one of fp32, fp16, int8"):
        export(run_folder, tmp_path / "x.edge", options)
    assert not any(tmp_path.iterdir())


def test_int8_without_calibration_is_refused(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no default data"):
        export(run_folder, tmp_path / "x.edge", ExportOptions())
    assert not any(tmp_path.glob("*.edge*"))


def test_an_existing_bundle_is_not_overwritten(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.edge").write_bytes(b"precious")
    with pytest.raises(InputError, match="--overwrite"):
        export(run_folder, tmp_path / "x.edge", ExportOptions())
    assert (tmp_path / "x.edge").read_bytes() == b"precious"


def test_a_picture_in_both_sets_is_refused(run_folder: Path, gate: Path, tmp_path: Path) -> None:
    options = ExportOptions(calibration=gate, evaluate=gate)
    with pytest.raises(DataError, match="also in the gate set"):
        export(run_folder, tmp_path / "x.edge", options)


def test_a_checkpoint_of_another_recipe_is_refused(run_folder: Path, tmp_path: Path) -> None:
    run = shutil.copytree(run_folder, tmp_path / "run")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["model"]["width"] = 0.25
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(CheckpointError, match="another architecture"):
        export(run, tmp_path / "x.edge", ExportOptions())


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a RUN"):
        export(tmp_path, tmp_path / "x.edge", ExportOptions())


@pytest.mark.slow
def test_equal_inputs_give_equal_bytes_in_two_processes(
    run_folder: Path, calibration: Path, gate: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        command = [sys.executable, "-m", "edgecnn", "export", str(run_folder), "-o",
                   str(tmp_path / f"{name}.edge"), "--calibration", str(calibration),
                   "--evaluate", str(gate), "--max-drop", "5"]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "a.edge").read_bytes() == (tmp_path / "b.edge").read_bytes()
