from __future__ import annotations

from typing import get_args

import pytest

from edgecnn.bundle.manifest import Format, Precision
from edgecnn.targets import CPU, CUDA, TARGETS, TENSORRT, Target


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
def test_a_preset_names_what_there_is(target: Target) -> None:
    assert set(target.formats) <= set(get_args(Format))
    assert set(target.precisions) <= set(get_args(Precision))
    assert target.providers[-1] == CPU and target.threads >= 1
    assert "fp32" in target.precisions  # what int8 is measured against
    assert target.notes and all(len(note) > 20 for note in target.notes)


def test_jetson_is_symmetric_and_prefers_tensorrt() -> None:
    jetson = TARGETS["jetson"]
    assert (jetson.formats, jetson.precisions[0]) == (("onnx",), "int8-symmetric")
    assert jetson.providers == (TENSORRT, CUDA, CPU)


def test_a_preset_tells_what_a_bundle_lacks() -> None:
    held: tuple[tuple[Format, Precision], ...] = (("onnx", "fp32"), ("tflite", "int8"))
    assert TARGETS["jetson"].missing(held) == ("onnx-int8-symmetric", "onnx-fp16")
