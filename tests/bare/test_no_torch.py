"""The device half stands on the base install alone, and never reaches torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys
from pathlib import Path
import edgecnn_device.bench, edgecnn_device.verify, edgecnn.data.synth.write, edgecnn.cli.main
from edgecnn.data.images import read_image
from edgecnn_device import open_runner
open_runner(Path(sys.argv[1]))(read_image(Path(sys.argv[2])))
heavy = ("torch", "onnx", "safetensors", "matplotlib", "litert_torch", "edgecnn_export")
found = [m for m in (*heavy, "edgecnn.train", "edgecnn.models") if m in sys.modules]
sys.exit(", ".join(found) or 0)
"""


def test_reading_a_picture_imports_nothing_of_the_host(zoo_bundle: Path, pictures: Path) -> None:
    picture = str(pictures / "0.png")
    command = [sys.executable, "-c", PROBE, str(zoo_bundle), picture]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["--help", "run --help", "verify --help", "bench --help"])
def test_help_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys\nfrom edgecnn.cli.main import main\n"
        f"try: main({verb.split()!r})\nexcept SystemExit: pass\n"
        "heavy = ('torch', 'cv2', 'onnxruntime', 'numpy', 'ai_edge_litert')\n"
        "sys.exit(', '.join(m for m in heavy if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_a_missing_extra_names_the_pip_line(tmp_path: Path) -> None:
    """Hide torch, as a board would: training asks for the extra, status 3."""
    blocker = tmp_path / "block"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import sys\nsys.modules['torch'] = None\nsys.modules['safetensors'] = None\n"
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: x\n")
    command = [sys.executable, "-m", "edgecnn", "train", str(recipe), "-o", str(tmp_path / "run")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(blocker)}
    )
    assert done.returncode == 3
    assert "pip install 'edgecnn[train]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
