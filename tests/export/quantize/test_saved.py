from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Format
from edgecnn.errors import DataError
from edgecnn_export.calibration import CalibrationSet, sample_hash
from edgecnn_export.quantize import (
    Ranges,
    load_ranges,
    measure_ranges,
    pick_ranges,
    quantize,
    save_ranges,
)

KINDS: tuple[Format, ...] = ("onnx", "tflite")


def _set(name: str, inputs: NDArray[np.float32]) -> CalibrationSet:
    return CalibrationSet(name, inputs, tuple(map(sample_hash, inputs)))


@pytest.fixture(scope="module")
def ours(samples: NDArray[np.float32]) -> CalibrationSet:
    return _set("ours", samples[:8])


@pytest.fixture
def saved(models: dict[Format, bytes], ours: CalibrationSet, tmp_path: Path) -> tuple[Ranges, ...]:
    measured = [
        measure_ranges(kind, models[kind], ours.inputs, "percentile", ours.id) for kind in KINDS
    ]
    save_ranges(measured, tmp_path / "ranges.json")
    return load_ranges(tmp_path / "ranges.json")


@pytest.mark.parametrize("kind", KINDS)
def test_saved_ranges_give_the_same_file_without_the_samples(
    kind: Format, models: dict[Format, bytes], ours: CalibrationSet, saved: tuple[Ranges, ...]
) -> None:
    fresh = measure_ranges(kind, models[kind], ours.inputs, "percentile", ours.id)
    reused = pick_ranges(kind, models[kind], "percentile", None, saved)
    assert fresh == reused
    assert reused.calibration.id == "ours"
    assert reused.calibration.sha256 == ours.sha256
    made = [quantize(kind, models[kind], "int8", ranges) for ranges in (fresh, reused)]
    assert made[0] == made[1]


def test_saved_ranges_that_do_not_fit_are_refused_by_what_does_not(
    models: dict[Format, bytes], ours: CalibrationSet, saved: tuple[Ranges, ...],
    samples: NDArray[np.float32],
) -> None:  # fmt: skip
    onnx = models["onnx"]
    assert pick_ranges("onnx", onnx, "percentile", ours, saved) in saved
    with pytest.raises(DataError, match="measure them again"):
        pick_ranges("onnx", onnx + b" ", "percentile", ours, saved)
    with pytest.raises(DataError, match="are by percentile, expected mse"):
        pick_ranges("onnx", onnx, "mse", ours, saved)
    with pytest.raises(DataError, match="no saved ranges of tflite, only of onnx"):
        pick_ranges("tflite", models["tflite"], "percentile", ours, saved[:1])
    with pytest.raises(DataError, match=r"of the calibration set 'ours', 8 .* expected 'other', 9"):
        pick_ranges("onnx", onnx, "percentile", _set("other", samples[:9]), saved)
