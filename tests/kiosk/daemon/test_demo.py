"""The demonstration: it starts with nothing, shows its page, and ends by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_the_demo_starts_with_nothing_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "edgecnn", "kiosk", "demo", "--folder", str(folder), "--port", "0",
         "--seconds", "8"], capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"^page: http://127\.0\.0\.1:\d+/$", done.stdout, re.MULTILINE)
    assert re.search(r"^token: ek_\S+$", done.stdout, re.MULTILINE)
    assert (folder / "gallery.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
