"""A trained run to export: the zoo's own checkpoint, and calibration and gate sets for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edgecnn.data.synth.lines import LineProfile
from edgecnn.data.synth.write import write_lines
from edgecnn.models.foreign import build_foreign


@pytest.fixture(scope="session")
def write_onnx() -> Callable[..., Path]:
    """Write a network of foreign_net.py (32 px) as most foreign files are: nchw."""

    def write(name: str, path: Path, batch: int | str = 1, opset: int = 17) -> Path:
        dynamic = {"picture": {0: batch}} if isinstance(batch, str) else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                build_foreign(f"foreign_net:{name}").eval(), (torch.zeros(1, 3, 32, 32),),
                str(path), dynamo=False, input_names=["picture"], opset_version=opset,
                dynamic_axes=dynamic,
            )  # fmt: skip
        return path

    return write


@pytest.fixture(scope="session")
def run_folder(root: Path) -> Path:
    return root / "edgecnn/zoo/runs/serial-reader"


@pytest.fixture(scope="session")
def calibration(root: Path) -> Path:
    return root / "calibration/serial-lines"


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "gate"
    write_lines(folder, 60, 91, LineProfile())
    return folder
