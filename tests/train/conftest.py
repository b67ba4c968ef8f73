"""Recipes small enough to train in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

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
    """Folders train (60 pictures) and test (30) of three classes."""
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder / "train", 1, 20)
    write_shapes(folder / "test", 2, 10)
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


CLASSES = ("bar", "disc", "square")


def draw_shape(kind: str, rng: np.random.Generator, side: int = 32) -> NDArray[np.uint8]:
    """Return one (side, side, 3) picture of a light shape on dark noise."""
    image = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
    x, y = (int(v) for v in rng.integers(10, side - 10, 2))
    colour = tuple(int(v) for v in rng.integers(150, 255, 3))
    if kind == "disc":
        cv2.circle(image, (x, y), 6, colour, -1)
    elif kind == "square":
        cv2.rectangle(image, (x - 6, y - 6), (x + 6, y + 6), colour, -1)
    else:
        cv2.rectangle(image, (x - 9, y - 1), (x + 9, y + 1), colour, -1)
    return image


def write_shapes(folder: Path, seed: int, per_class: int) -> Path:
    """Write a folder per class, and return the folder."""
    rng = np.random.default_rng(seed)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for index in range(per_class):
            cv2.imwrite(str(folder / kind / f"{index:03d}.png"), draw_shape(kind, rng))
    return folder
