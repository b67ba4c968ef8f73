from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.cli.kiosk_token import command
from edgecnn.errors import InputError
from edgecnn_device.kiosk.web import TokenStore


def run(folder: Path, *arguments: str) -> str:
    given = [*arguments, "--data", str(folder)]
    result = CliRunner().invoke(command, given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    daemon = TokenStore(tmp_path)
    token = run(tmp_path, "add", "--role", "operate").strip()
    row = daemon.check(token)
    assert row is not None and row.role == "operate"
    assert "operate" in run(tmp_path, "list") and token not in run(tmp_path, "list")
    (listed,) = json.loads(run(tmp_path, "list", "--json"))
    assert listed.keys() == {"id", "role", "created", "last_used"} and listed["id"] == row.id
    assert json.loads(run(tmp_path, "revoke", row.id, "--json")) == {"revoked": row.id}
    assert daemon.check(token) is None


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no token"):
        run(tmp_path, "revoke", "00000000")
    with pytest.raises(InputError, match="--data"):
        run(tmp_path / "none", "list")


def test_help_loads_no_web_framework() -> None:
    code = "import sys, edgecnn.cli.kiosk_token; print('fastapi' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
