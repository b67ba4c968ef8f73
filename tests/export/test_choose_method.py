from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn_device.backends import open_backend
from edgecnn_export.calibration import CalibrationSet, sample_hash
from edgecnn_export.choose_method import CANDIDATES, choose_method
from edgecnn_export.quantize import quantize
from edgecnn_export.sensitivity import measure_sqnr
from edgecnn_export.sources import Description, open_source
from edgecnn_export.workshop import PLAIN, Workshop


@pytest.fixture
def workshop(root: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A small network, and noise with a few bright samples that stretch its ranges."""
    monkeypatch.chdir(root / "tests/export")
    source = open_source("foreign_net:labels", Description(shape=(3, 32, 32)))
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, 1, (40, 32, 32, 3)).astype(np.float32)
    inputs[::20] *= 40
    found = CalibrationSet("noise", inputs, tuple(map(sample_hash, inputs)))
    return Workshop(source, source.facts.input, found)


def test_auto_takes_what_loses_least_on_calibration_samples(workshop: Workshop) -> None:
    chosen = choose_method(workshop, "onnx", "int8", "auto")
    fp32, samples = workshop.float_file("onnx"), list(workshop.samples())[:32]
    exact = [open_backend("onnx", fp32).run(x[None]) for x in samples]
    sqnr = {}
    for method in CANDIDATES:
        made = quantize("onnx", fp32, "int8", workshop.ranges("onnx", PLAIN, method))
        sqnr[method] = measure_sqnr(
            exact, [open_backend("onnx", made).run(x[None]) for x in samples]
        )
    assert sqnr[chosen] == max(sqnr.values())
    assert len(set(sqnr.values())) > 1


def test_a_wish_and_16_bits_leave_no_choice(workshop: Workshop) -> None:
    assert choose_method(workshop, "onnx", "int8", "entropy") == "entropy"
    assert choose_method(workshop, "onnx", "int16x8", "auto") == "minmax"
    workshop.saved = (workshop.ranges("onnx", PLAIN, "mse"),)
    assert choose_method(workshop, "onnx", "int8", "auto") == "mse"
