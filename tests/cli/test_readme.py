"""Runs the README's commands, from the top, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the README's training needs the extra `export`")

_ELSEWHERE = ("make ", "pip ", "git ")  # CI calls make itself


def _blocks(root: Path, kind: str) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_every_command_of_the_readme_works(root: Path, tmp_path: Path) -> None:
    for name in ("tests", "calibration", "edgecnn"):
        (tmp_path / name).symlink_to(root / name)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = "\n".join(
        line
        for block in _blocks(root, "sh")
        for line in block.splitlines()
        if not line.startswith(_ELSEWHERE)
    )
    assert script.count("edgecnn ") >= 11
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (code,) = _blocks(root, "python")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
