"""Asks a process of its own, where memory and first times are not those of the caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from edgecnn.errors import EdgecnnError


def ask_child(module: str, arguments: tuple[str, ...], timeout_s: float | None = None) -> object:
    """Run ``python -m module`` and return the JSON value of its last line.

    Raises:
        EdgecnnError: it failed, died or took longer than ``timeout_s``; the message is its last
            line.
    """
    # A numpy.py that lies in the current folder is not to be imported (Python 3.11 on).
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True, text=True, check=False, timeout=timeout_s, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EdgecnnError(f"the process did not answer: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise EdgecnnError(last[0])
    try:
        answer: object = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise EdgecnnError("the process answered nothing") from error
    return answer
