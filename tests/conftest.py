"""What several suites share: a tiny bundle made without any runtime, and pictures."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import default_profile

ROOT = Path(__file__).parents[1]
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test measures out of the machine's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def zoo_bundle() -> Path:
    return ROOT / "edgecnn" / "zoo" / "serial-reader.edge"


@pytest.fixture(scope="session")
def easy_lines() -> list[tuple[NDArray[np.uint8], str]]:
    """A few large, clean generated lines with their serials."""
    profile = default_profile()
    clean = {
        "glyph_px": (30, 34),
        "blur": (0, 0.01),
        "noise": (0, 2),
        "jpeg": (94, 96),
        "motion": (0, 0),
    }
    easy = profile.model_copy(
        update={
            "camera": profile.camera.model_copy(update={**clean, "shade": (0, 0.1), "glare": 0.0}),
            "backgrounds": ("plain",), "contrast": 90.0, "clutter": 0.0,
        }
    )  # fmt: skip
    generator = LineGenerator(easy, 78)
    samples = [generator(i) for i in range(10)]
    return [(s.image, s.text) for s in samples]


@pytest.fixture
def pictures(tmp_path: Path, easy_lines: list[tuple[NDArray[np.uint8], str]]) -> Path:
    """A folder with two pictures, named by their serial's place."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, (image, _) in enumerate(easy_lines[:2]):
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; skips where it is not."""
    folder = Path(os.environ.get("EDGECNN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent (set EDGECNN_DATA)")
    return folder
