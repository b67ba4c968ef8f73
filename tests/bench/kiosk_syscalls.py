"""Which system calls a command makes that the daemon's unit forbids.

python tests/bench/kiosk_syscalls.py -- edgecnn kiosk run kiosk.yaml   # end it by Ctrl-C

Needs strace and systemd-analyze (apt install strace systemd).
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from edgecnn_device.kiosk.ops.unit import Unit, render_unit


def allowed() -> set[str]:
    """Return the calls that the unit's SystemCallFilter= lines leave."""
    found: set[str] = set()
    for line in render_unit(Unit()).splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            calls = {call for name in value.lstrip("~").split() for call in expand(name)}
            found = found - calls if value.startswith("~") else found | calls
    return found


def expand(name: str) -> set[str]:
    """Return the calls of a group, or the call itself."""
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = (line.strip() for line in listed.splitlines()[1:])
    return {call for line in lines if line and line[0] != "#" for call in expand(line)}


def used(command: list[str]) -> dict[str, int]:
    """Run a command and return how often it, and its children, made each call."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command gets it too
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "calls"
        subprocess.run(["strace", "-f", "-qq", "-c", "-U", "name,calls", "-o", table, *command],
                       check=False)  # fmt: skip
        rows = (line.split() for line in table.read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def main() -> None:
    """Print what is forbidden."""
    calls = used(sys.argv[2:])
    calls.pop("total", None)
    forbidden = sorted(calls.keys() - allowed())
    print(f"{len(calls)} system calls in use, {len(forbidden)} of them forbidden by the unit")
    for name in forbidden:
        print(f"{name:24} {calls[name]:8} times")


if __name__ == "__main__":
    main()
