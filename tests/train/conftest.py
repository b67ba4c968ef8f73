"""Recipes small enough to train in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.data.synth.crowds import write_crowds
from edgecnn.data.synth.patterns import write_patterns
from edgecnn.data.synth.shapes import write_shapes

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


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (80 pictures) and test (40) of four classes."""
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder / "train", 80, seed=1)
    write_shapes(folder / "test", 40, seed=2)
    return folder


@pytest.fixture
def shapes_recipe(tmp_path: Path, shapes: Path) -> Path:
    """A recipe of LeNet-5 on the shapes."""
    content: dict[str, Any] = {
        "name": "shapes",
        "task": "classify",
        "seed": 1,
        "input": {"height": 32, "width": 32, "channels": 1, "colour": "grey",
                  "mean": [64], "std": [64]},
        "model": {"architecture": "lenet5"},
        "optimizer": {"kind": "sgd", "learning_rate": 0.02, "batch": 16, "epochs": 3},
        "data": {"train": f"{shapes}:train", "validation": 0.2, "workers": 0},
        "licence": "Apache-2.0",
        "provenance": "generated shapes",
    }  # fmt: skip
    path = tmp_path / "shapes.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def box_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders upright, oriented and crowds, each with train (96 pictures) and val (24)."""
    folder = tmp_path_factory.mktemp("boxes")
    for name, oriented in (("upright", False), ("oriented", True)):
        options = BoxesOptions(side=64, most=3, oriented=oriented)
        write_boxes(folder / name / "train", 96, 1, options)
        write_boxes(folder / name / "val", 24, 2, options)
    write_crowds(folder / "crowds" / "train", 96, 1, side=64)
    write_crowds(folder / "crowds" / "val", 24, 2, side=64)
    return folder


@pytest.fixture
def boxes_recipe(tmp_path: Path, box_sets: Path) -> Path:
    """A recipe of a small detector on the upright boxes."""
    content: dict[str, Any] = {
        "name": "boxes",
        "task": "detect",
        "seed": 1,
        "input": {"height": 64, "width": 64, "mean": [64] * 3, "std": [64] * 3},
        "model": {"architecture": "mobilenet_v2", "options": {"width": 0.25}, "channels": 16},
        "optimizer": {"learning_rate": 0.005, "batch": 16, "epochs": 4},
        "data": {"train": str(box_sets / "upright/train"),
                 "validation": str(box_sets / "upright/val"), "workers": 0},
        "licence": "Apache-2.0",
        "provenance": "generated boxes",
    }  # fmt: skip
    path = tmp_path / "boxes.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (12 "people" of 6 pictures) and val (8 others)."""
    folder = tmp_path_factory.mktemp("people")
    write_patterns(folder / "train", 12, 6, seed=1)
    write_patterns(folder / "val", 8, 6, seed=2)
    return folder


@pytest.fixture
def people_recipe(tmp_path: Path, people: Path) -> Path:
    """A recipe of an embedder that is trained with triplets."""
    content: dict[str, Any] = {
        "name": "people",
        "task": "embed",
        "seed": 1,
        "input": {
            "height": 32,
            "width": 32,
            "channels": 1,
            "colour": "grey",
            "mean": [90],
            "std": [60],
        },
        "model": {"architecture": "lenet5", "size": 16},
        "loss": {"kind": "triplet"},
        "optimizer": {"learning_rate": 0.003, "batch": 24, "epochs": 10},
        "data": {"train": str(people / "train"), "validation": str(people / "val"), "workers": 0},
        "licence": "Apache-2.0",
        "provenance": "generated patterns",
    }
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
