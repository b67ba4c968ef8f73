from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgecnn.errors import DataError, InputError
from edgecnn_export.quantize.ranges import Ranges, TensorRange, load_ranges, save_ranges

MODEL = b"a model"
HASHES = tuple(sorted(hashlib.sha256(bytes([i])).hexdigest() for i in range(3)))


@pytest.fixture
def ranges() -> Ranges:
    tensors = (TensorRange("a", -0.5, 6.0), TensorRange("b;1", 0.0, 0.10000000149011612))
    return Ranges("onnx", hashlib.sha256(MODEL).hexdigest(), "mse", HASHES, tensors, ("b;1",))


def test_saved_ranges_come_back_and_have_stable_bytes(ranges: Ranges, tmp_path: Path) -> None:
    save_ranges(ranges, tmp_path / "ranges.json")
    loaded = load_ranges(tmp_path / "ranges.json")
    assert loaded == ranges
    assert loaded.to_json() == ranges.to_json() == (tmp_path / "ranges.json").read_bytes()
    assert loaded.samples == 3
    with pytest.raises(InputError, match="exists"):
        save_ranges(ranges, tmp_path / "ranges.json")


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
     (b"}\n", b"", "the file: Invalid JSON")],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_its_key(
    ranges: Ranges, tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    data = ranges.to_json()
    assert old in data
    (tmp_path / "ranges.json").write_bytes(data.replace(old, new))
    with pytest.raises(DataError, match=message):
        load_ranges(tmp_path / "ranges.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot read the ranges: No such file"):
        load_ranges(tmp_path / "none.json")
