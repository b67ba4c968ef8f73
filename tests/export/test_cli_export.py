"""The options of `edgecnn export` reach the export, and what it prints can be relied on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgecnn.cli.export import command
from edgecnn.errors import GateError

FOREIGN = ["foreign_net:labels", "--input", "3,32,32", "--format", "onnx"]


@pytest.fixture
def folder(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Arrays to calibrate and gate with, and a description."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-1, 1, (60, 4, 4, 3)).repeat(8, 1).repeat(8, 2).astype(np.float32)
    np.save(tmp_path / "x.npy", coarse)
    described = "mean: [127.5]\nstd: [127.5]\nlabels: [a, b, c, d]\n"
    (tmp_path / "p.yaml").write_text(described, encoding="utf-8")
    monkeypatch.chdir(root / "tests/export")
    return tmp_path


def _export(folder: Path, *more: str) -> Result:
    arguments = [*FOREIGN, "-o", str(folder / "x.edge"), "--calibration", str(folder / "x.npy"),
                 "--preprocess", str(folder / "p.yaml"), *more]  # fmt: skip
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_json_has_the_keys_of_the_contract_and_more(folder: Path) -> None:
    done = _export(folder, "--equalize", "--correct-bias", "--sensitivity", "--json",
                   "--max-drop", "50", "--method", "percentile",
                   "--save-ranges", str(folder / "r.json"))  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["gate"]["metric"] == "agreement"
    int8, fp32 = found["variants"]
    contract = {"file", "format", "precision", "scheme", "bytes", "parity", "metric", "rung",
                "excluded", "passed"}  # fmt: skip
    assert contract <= set(int8)
    assert (int8["improvement"], int8["method"]) == ("equalize + correct-bias", "percentile")
    assert [s["rung"] for s in int8["steps"]] == ["without equalize + correct-bias"]
    assert len(int8["sensitivity"]) == 3
    assert int8["ms"] > 0
    assert (fp32["improvement"], fp32["sensitivity"], fp32["method"]) == ("", [], "")


def test_a_miss_prints_the_table_and_is_a_gate_error(folder: Path) -> None:
    """Ranges by entropy of so few values cut too much for this network."""
    arguments = ["--precision", "int8", "--max-drop", "0", "--no-ladder", "--method", "entropy"]
    with pytest.raises(GateError, match="onnx-int8 agreement drops"):
        _export(folder, *arguments)
    assert sorted(p.name for p in folder.glob("x.*")) == [
        "x.edge.rejected", "x.npy", "x.report.json.rejected",
    ]  # fmt: skip


def test_the_table_names_the_gate_and_its_size(folder: Path) -> None:
    done = _export(folder, "--samples", "40", "--seed", "3", "--max-drop", "50")
    assert done.exit_code == 0, done.output
    assert "held back: n = 8" in done.output
    assert "fewer than 500" in done.output


@pytest.mark.parametrize("value", ["3x32x32", "3,32", "0,32,32"])
def test_a_shape_that_is_none_is_refused(folder: Path, value: str) -> None:
    done = CliRunner().invoke(command, ["a:b", "-o", "x.edge", "--input", value])
    assert done.exit_code == 2
    assert "expected C,H,W" in done.output
