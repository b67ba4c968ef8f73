"""The daemon's process begins private, with few threads, and with a configuration that is good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DOOR = "cameras:\n  door:\n    source: usb:0\nbundles: {threads: 3}\n"
DAEMON = """
import logging, os, sys, types
daemon = types.ModuleType("edgecnn_device.kiosk.daemon")
def run(begun):
    umask = os.umask(0)
    logging.getLogger("edgecnn").warning("at rtsp://u:Hunter2@h, %s", "correct horse")
    print(oct(umask), os.environ["OPENBLAS_NUM_THREADS"], begun.loaded.config.bundles.threads)
    print(begun.insecure_http, sorted(begun.secrets.cameras))
    {body}
    return 4
daemon.run = run
sys.modules["edgecnn_device.kiosk.daemon"] = daemon
from edgecnn.cli.main import main
main(["kiosk", "run", *sys.argv[1:]])
"""


def _run(*arguments: str, body: str = "pass") -> subprocess.CompletedProcess[str]:
    code = DAEMON.replace("{body}", body)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def test_the_daemon_gets_what_it_needs(write: Callable[[str], Path]) -> None:
    done = _run(str(write(DOOR)), "--insecure-http")
    assert done.returncode == 4, done.stderr
    assert done.stdout.split("\n")[:2] == ["0o77 3 3", "True []"]


def test_secrets_are_hidden_from_the_first_line(
    write: Callable[[str], Path], secret: Callable[..., Path]
) -> None:
    path = secret("door", b"correct horse\n")
    text = f"cameras: {{door: {{source: 'rtsp://u@h/x', password_file: {path}}}}}"
    done = _run(str(write(text)), "--log-format", "json")
    assert done.stdout.split("\n")[1] == "False ['door']", done.stderr
    assert "at rtsp://***@h, ***" in done.stderr and "horse" not in done.stderr


@pytest.mark.parametrize(
    "text", ["cameras: {door: {sorce: x}}", "cameras: {door: {source: absent.mp4}}", "- ["]
)
def test_a_bad_configuration_ends_with_78_and_one_line(
    write: Callable[[str], Path], text: str
) -> None:
    done = _run(str(write(text)), "--log-format", "text")
    assert (done.returncode, done.stdout) == (78, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_extra_ends_with_3_and_the_pip_line(write: Callable[[str], Path]) -> None:
    done = _run(str(write(DOOR)), body="sys.modules['fastapi'] = None; import fastapi")
    assert done.returncode == 3
    assert "pip install 'edgecnn[kiosk]'" in done.stderr
