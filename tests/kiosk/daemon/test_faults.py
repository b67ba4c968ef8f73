"""A short fault run, and that its audit finds what it is there to find."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
LATE_S = 60.0
"""Beyond that something is broken; how fast it is, the whole run measures."""


@pytest.mark.parametrize("faults", [8, pytest.param(20, marks=pytest.mark.slow)])
def test_nothing_is_lost_whatever_breaks(tmp_path: Path, faults: int) -> None:
    pytest.importorskip("onnx", reason="makes bundles: pip install 'edgecnn[export]'")
    done = subprocess.run(
        [sys.executable, str(BENCH / "kiosk_faults.py"), "--faults", str(faults), "--folder",
         str(tmp_path / "run"), "--back-s", str(LATE_S)], capture_output=True, text=True,
        check=False, timeout=1200, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert f"{faults} faults" in done.stdout and "lost 0" in done.stdout


@pytest.fixture
def journal() -> Any:
    return runpy.run_path(str(BENCH / "kiosk_faults_journal.py"))


def _run(journal: Any, said: str, stored: str = "a1 b2", people: str = "") -> Any:
    """Audit entries that are written as letter, id and sequence, to a webhook that wants notes."""
    whats = {"s": "acknowledged", "d": "delivered", "k": "answered", "e": "enrolled"}
    entry, entries = journal["Entry"], []
    for word in said.split():
        what, rest = word[0], word[1:]
        if what == "x":
            entries.append(entry("interrupted"))
        else:
            entries.append(entry(whats[what], rest[:1], int(rest[1:] or 0), "webhook"))
    kept = [journal["Stored"](int(word[1:]), word[0], "note") for word in stored.split()]
    return journal["audit"](entries, kept, people.split(), {"webhook": ("note",)})


@pytest.mark.parametrize(
    "said", ["sa1 da1 ka1 db2 kb2", "da1 da1 ka1 db2", "da1 ka1 x da1 ka1 db2", "da1 x da1 db2"]
)
def test_the_audit_is_content(journal: Any, said: str) -> None:
    assert _run(journal, said).passed


@pytest.mark.parametrize(
    ("said", "where"),
    [("sc3 da1 db2", "lost"), ("sb1 da1 db2", "lost"), ("sb1 da1 db2", "mixed"),
     ("da1", "undelivered"), ("da1 ka1 da1 db2", "unexcused"),
     ("x da1 ka1 da1 db2", "unexcused"), ("da1 ka1 db2 kb2 x da1 db2", "unexcused"),
     ("da1 db2 ep", "forgotten")],
)  # fmt: skip
def test_the_audit_finds(journal: Any, said: str, where: str) -> None:
    found = _run(journal, said)
    assert getattr(found, where) and not found.passed
