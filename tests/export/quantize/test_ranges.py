from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgecnn.bundle.manifest import Calibration
from edgecnn.errors import DataError, InputError
from edgecnn_export.calibration import set_hash
from edgecnn_export.quantize import Ranges, TensorRange, load_ranges, save_ranges

MODEL = b"a model"
HASHES = tuple(sorted(hashlib.sha256(bytes([i])).hexdigest() for i in range(3)))


@pytest.fixture
def ranges() -> Ranges:
    tensors = (TensorRange("a", -0.5, 6.0), TensorRange("b;1", 0.0, 0.10000000149011612))
    calibration = Calibration(id="mine", sha256=set_hash(HASHES), samples=3)
    model = hashlib.sha256(MODEL).hexdigest()
    return Ranges("onnx", model, "mse", calibration, HASHES, tensors, ("b;1",))


def test_saved_ranges_come_back_and_have_stable_bytes(ranges: Ranges, tmp_path: Path) -> None:
    both = (ranges, replace(ranges, format="tflite"))
    path = tmp_path / "ranges.json"
    save_ranges(both, path)
    assert load_ranges(path) == both
    first = path.read_bytes()
    save_ranges(load_ranges(path), path, overwrite=True)
    assert path.read_bytes() == first
    with pytest.raises(InputError, match="exists"):
        save_ranges(both, path)


def test_the_file_says_what_it_belongs_to(ranges: Ranges, tmp_path: Path) -> None:
    save_ranges([ranges], tmp_path / "ranges.json")
    (found,) = json.loads((tmp_path / "ranges.json").read_text())
    assert found["calibration"] == {"id": "mine", "sha256": set_hash(HASHES), "samples": 3}
    assert (found["format"], found["method"]) == ("onnx", "mse")
    assert found["model_sha256"] == hashlib.sha256(MODEL).hexdigest()


def test_a_constant_activation_is_a_warning_by_name(ranges: Ranges) -> None:
    (warning,) = ranges.warnings
    assert "activation b;1 is the same for all 3 calibration samples" in warning


def test_ranges_belong_to_one_model(ranges: Ranges) -> None:
    ranges.require_model("onnx", MODEL)
    with pytest.raises(DataError, match=r"the ranges are of the onnx model .* measure them again"):
        ranges.require_model("onnx", b"another")
    with pytest.raises(DataError, match="expected those of the tflite model"):
        ranges.require_model("tflite", MODEL)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [(b'"mse"', b'"magic"', "method"), (b"6.0", b'"six"', "tensors.0.high"),
     (b"6.0", b"NaN", "tensors.0.high|JSON"), (b'"low"', b'"lowest"', "tensors.0"),
     (b'"schema_version": 1', b'"schema_version": 2', "schema_version"),
     (b"]\n", b"", "the file: Invalid JSON"), (HASHES[0].encode(), b"0" * 64, "does not name"),
     (b'"samples": 3', b'"samples": 4', "does not name")],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_its_key(
    ranges: Ranges, tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    save_ranges([ranges], tmp_path / "ranges.json")
    data = (tmp_path / "ranges.json").read_bytes()
    assert old in data
    (tmp_path / "ranges.json").write_bytes(data.replace(old, new))
    with pytest.raises(DataError, match=message):
        load_ranges(tmp_path / "ranges.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot read the ranges: No such file"):
        load_ranges(tmp_path / "none.json")
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(DataError, match="no ranges in it"):
        load_ranges(tmp_path / "none.json")
