"""Reads real notes where they are at hand: scans that nothing is scored on."""

from __future__ import annotations

from pathlib import Path

from edgecnn.data.lines import load_lines
from edgecnn_device import open_runner
from edgecnn_device.evaluate import evaluate_reader


def test_real_dollars_are_read(real_data: Path, zoo_bundle: Path) -> None:
    scans = {f"USD_{number:04d}.jpg" for number in range(1, 21)}
    crops = [c for c in load_lines(real_data / "banknotes") if c.name.split("#")[0] in scans]
    runner = open_runner(zoo_bundle, "tflite-int8")
    score = evaluate_reader(runner, crops)
    assert len(crops) == 34
    assert sum(score.right) >= 31, score.per_currency
