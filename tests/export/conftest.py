"""A trained run to export: the zoo's own checkpoint, and calibration and gate sets for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.data.synth.lines import LineProfile
from edgecnn.data.synth.write import write_lines


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
