"""A recipe small enough to train in a test."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

TINY = {
    "name": "tiny",
    "task": "read",
    "seed": 3,
    "epoch": 32,
    "input": {"height": 32, "width": 96, "mean": [127.5] * 3, "std": [127.5] * 3},
    "model": {"width": 0.25, "feature_channels": 32},
    "optimizer": {"batch": 16, "samples": 96},
    "data": {
        "workers": 0,
        "validation_lines": 10,
        "train": {"seed": 5, "fonts": ["matplotlib:DejaVuSans.ttf"], "negatives": 0.1},
        "validation": {"seed": 6, "fonts": ["matplotlib:DejaVuSerif.ttf"]},
    },
    "licence": "Apache-2.0",
    "provenance": "generated",
}


@pytest.fixture
def tiny_recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY), encoding="utf-8")
    return path
