"""Tiny sets of every kind, painted on the spot."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Paint = Callable[..., Path]
Voc = Callable[..., Path]
WIDTH, HEIGHT = 24, 16


@pytest.fixture
def paint() -> Paint:
    """Write a picture, 24 x 16 unless told; the same seed gives the same pixels."""

    def write(path: Path, seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
        assert cv2.imwrite(str(path), pixels)
        return path

    return write


@pytest.fixture
def divided(tmp_path: Path, paint: Paint) -> Path:
    """Three cats and two dogs to train with, one of each to test."""
    root = tmp_path / "pets"
    names = ("train/cat/0", "train/cat/1", "train/cat/2", "train/dog/0", "train/dog/1",
             "test/cat/9", "test/dog/9")  # fmt: skip
    for seed, name in enumerate(names):
        paint(root / f"{name}.png", seed)
    return root


@pytest.fixture
def table(tmp_path: Path, paint: Paint) -> Callable[..., Path]:
    """Write labels.csv and the pictures that it names."""

    def write(columns: str, *rows: Sequence[object]) -> Path:
        root = tmp_path / "table"
        root.mkdir(exist_ok=True)
        for seed, row in enumerate(rows):
            if row and str(row[0]).endswith(".png"):
                paint(root / str(row[0]), seed)
        with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns.split(","), *rows])
        return root

    return write


def voc_xml(name: str, *objects: tuple[object, ...], size: tuple[int, int] | None) -> str:
    body = "".join(
        f"<object><name>{o[0]}</name><bndbox><xmin>{o[1]}</xmin><ymin>{o[2]}</ymin>"
        f"<xmax>{o[3]}</xmax><ymax>{o[4]}</ymax></bndbox></object>"
        for o in objects
    )
    stated = "" if size is None else f"<width>{size[0]}</width><height>{size[1]}</height>"
    return f"<annotation><filename>{name}</filename><size>{stated}</size>{body}</annotation>"


@pytest.fixture
def voc(tmp_path: Path, paint: Paint) -> Voc:
    """Write a VOC set with a picture per call; returns its folder."""
    root = tmp_path / "cells"
    (root / "Annotations").mkdir(parents=True)

    def add(
        stem: str, *objects: tuple[object, ...], size: tuple[int, int] | None = (WIDTH, HEIGHT),
        split: str = "", seed: int | None = None,
    ) -> Path:  # fmt: skip
        count = len(list((root / "Annotations").iterdir()))
        paint(root / "JPEGImages" / f"{stem}.png", count if seed is None else seed)
        text = voc_xml(f"{stem}.png", *objects, size=size)
        (root / "Annotations" / f"{stem}.xml").write_text(text)
        if split:
            listed = root / "ImageSets" / "Main" / f"{split}.txt"
            listed.parent.mkdir(parents=True, exist_ok=True)
            with listed.open("a") as file:
                file.write(f"{stem}\n")
        return root

    return add


def coco_json(**changes: Any) -> dict[str, Any]:
    """Two pictures, three boxes, one crowd; ids are neither dense nor in order."""
    size = {"width": WIDTH, "height": HEIGHT}
    content: dict[str, Any] = {
        "images": [{"id": 7, "file_name": "a.png", **size},
                   {"id": 3, "file_name": "b.png", **size}],
        "categories": [{"id": 20, "name": "nut"}, {"id": 5, "name": "bolt"}],
        "annotations": [
            {"image_id": 7, "category_id": 20, "bbox": [1, 2, 3, 4], "iscrowd": 0,
             "keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0]},
            {"image_id": 3, "category_id": 5, "bbox": [0, 0, WIDTH, HEIGHT]},
            {"image_id": 3, "category_id": 20, "bbox": [5, 5, 2.5, 2.5]},
            {"image_id": 3, "category_id": 20, "bbox": [1, 1, 9, 9], "iscrowd": 1},
        ],
    }  # fmt: skip
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


@pytest.fixture
def coco(tmp_path: Path, paint: Paint) -> Callable[..., Path]:
    """Write a COCO json under a name, with its pictures in a folder; returns the set's folder."""

    def write(
        name: str = "annotations/instances_train.json", pictures: str = "images", first: int = 0,
        **changes: Any,
    ) -> Path:  # fmt: skip
        root = tmp_path / "parts"
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(coco_json(**changes)))
        paint(root / pictures / "a.png", first)
        paint(root / pictures / "b.png", first + 1)
        return root

    return write


def idx_bytes(array: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    head = bytes((0, 0, 8, array.ndim))
    return head + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """MNIST in small: six pictures to train with, two to test, gzipped and plain."""
    root = tmp_path / "digits"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (8, 5, 4), np.uint8)
    labels = np.array([0, 1, 2, 3, 2, 1, 0, 4], np.uint8)
    for part, at in (("train", slice(0, 6)), ("t10k", slice(6, 8))):
        for what, data in (("images-idx3", pixels[at]), ("labels-idx1", labels[at])):
            content = idx_bytes(data)
            if part == "train":
                (root / f"{part}-{what}-ubyte.gz").write_bytes(gzip.compress(content))
            else:
                (root / f"{part}-{what}-ubyte").write_bytes(content)
    return root
