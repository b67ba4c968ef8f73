"""The command line: a table for people, JSON for programs, 78 for a bad file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DOOR = "cameras:\n  door:\n    source: usb:0\n"
BAD = "cameras:\n  door:\n    sorce: usb:0\n"


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgecnn", "kiosk", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(("text", "status"), [(DOOR, 0), (BAD, 78)])
def test_the_exit_status_tells_good_from_bad(
    write: Callable[[str], Path], text: str, status: int
) -> None:
    done = _call("check-config", str(write(text)))
    assert (done.returncode, done.stderr) == (status, "")
    assert ("can start with it" in done.stdout) == (status == 0)
    assert ("did you mean source?" in done.stdout) == (status == 78)


def test_json_holds_every_fault_and_nothing_else(write: Callable[[str], Path]) -> None:
    done = _call("check-config", "--json", str(write(BAD)))
    assert done.returncode == 78
    assert json.loads(done.stdout) == {
        "ok": False, "warnings": [],
        "errors": [{"key": "cameras.door.sorce", "line": 3,
                    "message": "there is no such key: did you mean source?"}],
    }  # fmt: skip


def test_a_missing_file_is_a_bad_configuration(tmp_path: Path) -> None:
    done = _call("check-config", "--json", str(tmp_path / "absent.yaml"))
    assert done.returncode == 78
    assert "No such file" in json.loads(done.stdout)["errors"][0]["message"]


def test_the_schema_is_checked_without_numpy(write: Callable[[str], Path]) -> None:
    code = (
        "import sys\nfrom edgecnn.cli.main import main\n"
        f"try: main(['kiosk', 'check-config', {str(write(BAD))!r}])\n"
        "except SystemExit as left: assert left.code == 78\n"
        "sys.exit(', '.join({'numpy', 'cv2', 'onnxruntime'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
