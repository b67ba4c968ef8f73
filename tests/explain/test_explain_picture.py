"""A run and a picture, in Python and on the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import edgecnn.train.run
from edgecnn.bundle.manifest import InputSpec
from edgecnn.cli.main import main
from edgecnn.errors import InputError
from edgecnn.explain import explain
from edgecnn.models import create_backbone
from edgecnn.train.run import LoadedRun

CLASSES = ("кот", "dog", "7")


@dataclass(frozen=True)
class FakeRun:
    """What `explain` reads of a `LoadedRun`."""

    model: nn.Module
    input: InputSpec
    classes: tuple[str, ...]


@pytest.fixture
def run() -> LoadedRun:
    torch.manual_seed(0)
    model = create_backbone("mobilenet_v2", width=0.35, num_classes=3).eval()
    spec = InputSpec(width=96, height=64, mean=(127.5,) * 3, std=(127.5,) * 3)
    return cast(LoadedRun, FakeRun(model, spec, CLASSES))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (50, 120, 3), np.uint8)
    cv2.imwrite(str(path), noise)
    return path


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["explain", *arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(("target", "index"), [("кот", 0), ("1", 1), ("7", 2), ("2", 2)])
def test_a_class_is_a_name_or_an_index(run: LoadedRun, target: str, index: int) -> None:
    found = explain(run, np.zeros((20, 20, 3), np.uint8), target=target)
    assert (found.explained.index, found.explained.label) == (index, CLASSES[index])
    assert found.predicted.score >= found.explained.score > 0


def test_a_wrong_prediction_stands_beside_the_class_asked_for(run: LoadedRun) -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8)
    alone = explain(run, image)
    other = next(c for c in CLASSES if c != alone.predicted.label)
    both = explain(run, image, target=other)
    assert both.sheet.shape[0] > alone.sheet.shape[0] + 300
    assert (both.predicted, both.explained.label) == (alone.predicted, other)


def test_no_such_class_is_named(run: LoadedRun) -> None:
    with pytest.raises(InputError, match=r"no class 'cow': expected 0\.\.2 or a name: кот, dog"):
        explain(run, np.zeros((20, 20, 3), np.uint8), target="cow")


def test_a_run_that_does_not_classify_is_refused(run: LoadedRun) -> None:
    reader = cast(LoadedRun, FakeRun(nn.Linear(1, 1), run.input, ()))
    with pytest.raises(InputError, match="expected a RUN that classifies pictures"):
        explain(reader, np.zeros((20, 20, 3), np.uint8))


@pytest.mark.parametrize(
    "options", [(), ("--view", "features", "--layer", "features.3"), ("--view", "filters")]
)
def test_the_verb_writes_a_sheet_and_prints_the_classes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: LoadedRun,
    picture: Path, tmp_path: Path, options: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.setattr(edgecnn.train.run, "load_run", lambda path: run)
    output = tmp_path / "out.png"
    call: tuple[Any, ...] = ("run", str(picture), "-o", str(output), *options)
    status, out, _ = _call(capsys, *call, "--json")
    found = json.loads(out)
    assert status == 0 and found["predicted"] == found["explained"]
    assert set(found) == {"source", "output", "view", "predicted", "explained"}
    sheet = cv2.imread(str(output))
    assert sheet is not None and sheet.shape[0] > 60
    assert _call(capsys, *call)[0] == 2
    status, out, _ = _call(capsys, *call, "--overwrite")
    assert status == 0 and out.startswith(f"predicted: {found['predicted']['label']} (0.")


def test_the_output_is_a_png_and_the_run_must_be_one(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path
) -> None:
    assert _call(capsys, "run", str(picture), "-o", str(tmp_path / "x.jpg"))[0] == 2
    status, out, err = _call(capsys, str(tmp_path), str(picture), "-o", str(tmp_path / "x.png"))
    assert (status, out) == (2, "") and "expected a RUN" in err
    assert not (tmp_path / "x.png").exists()
