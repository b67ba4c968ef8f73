"""Measures how long the daemon takes from its start to the first processed frame.

    python tests/bench/kiosk_start.py [--rounds 5] [--source synthetic:notes] [--imports]

The daemon runs as a process of its own, as systemd starts it. Each row is one start; the first
measures the bundles' variants, which later starts remember, and the bar is for those: median 3 s.
Seconds: until the first frame is processed, until systemd is told READY=1, when the page is there,
too, and the time of the processor that the daemon and its camera's process used until the first
frame, which other work on the machine does not lengthen as it does the others. --imports prints
the modules that take longest to load. By default the camera is a folder of pictures of 1280 x 720.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgecnn.cli.output import print_table
from edgecnn_device.processor import processor_name

_CONFIG = """
data: {data}
cameras:
  desk: {{source: "{source}", width: 1280, height: 720, rate: 10, loop: true}}
web: {{port: 0}}
staleness_s: 20
"""
_WAIT_S = 300.0
_STEP_S = 0.01
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Start:
    """One start, seconds."""

    frame: float
    ready: float
    daemon_cpu: float
    camera_cpu: float


def start_once(folder: Path, config: Path) -> Start:
    """Start the daemon, wait for a frame, and end it."""
    path = folder / "notify"
    path.unlink(missing_ok=True)
    environment = {**os.environ, "NOTIFY_SOCKET": str(path), "XDG_CACHE_HOME": str(folder)}
    log = folder / "log.txt"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, log.open("wb") as file:
        notify.bind(str(path))
        notify.settimeout(_WAIT_S)
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "edgecnn", "kiosk", "run", str(config), "--log-format", "text"],
            stdout=file, stderr=file, env=environment,
        )  # fmt: skip
        try:
            frame = wait_for(log, "the first frame is processed", process) - begun
            camera = sum(cpu_of(child) for child in children_of(process.pid))
            daemon = cpu_of(process.pid)
            while b"READY=1" not in notify.recv(4096):
                pass
            return Start(frame, time.monotonic() - begun, daemon, camera)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_for(log: Path, line: str, process: subprocess.Popen[bytes]) -> float:
    """Return when a line is in the log, by `time.monotonic`."""
    until = time.monotonic() + _WAIT_S
    while line not in (text := log.read_text(encoding="utf-8")):
        if time.monotonic() > until or process.poll() is not None:
            raise SystemExit(text)
        time.sleep(_STEP_S)
    return time.monotonic()


def cpu_of(process: int) -> float:
    """Return the seconds of the processor that a process used."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:
        return 0.0
    return sum(int(value) for value in fields.split()[11:13]) / _TICK


def children_of(process: int) -> list[int]:
    """Return the processes that a process started."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        found += (task / "children").read_text(encoding="ascii").split()
    return [int(child) for child in found]


def print_imports() -> None:
    """Print what the daemon's modules cost: milliseconds of the module alone, without others."""
    modules = "edgecnn.cli.kiosk_run, edgecnn_device.kiosk.ops.begin, edgecnn_device.kiosk.daemon"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", f"import {modules}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    rows = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+\S+)", done.stderr)
    print(f"{len(rows)} modules, {sum(int(own) for own, _, _ in rows) / 1e3:.0f} ms")
    top = sorted(rows, key=lambda row: -int(row[1]))[:40]
    print_table("with what each imports", ("ms", "own ms", "module"), [
        (f"{int(whole) / 1e3:.0f}", f"{int(own) / 1e3:.0f}", name.strip())
        for own, whole, name in top
    ])  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="after the first start (5)")
    parser.add_argument("--source", help="of the camera")
    parser.add_argument("--imports", action="store_true")
    options = parser.parse_args()
    if options.imports:
        print_imports()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, data = folder / "pictures", folder / "data"
        pictures.mkdir()
        data.mkdir(mode=0o700)
        image = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
        for index in range(3):
            cv2.imwrite(str(pictures / f"{index}.jpg"), cv2.blur(image, (9, 9)))
        config = folder / "kiosk.yaml"
        source = options.source or str(pictures)
        config.write_text(_CONFIG.format(data=data, source=source), encoding="utf-8")
        starts = [start_once(folder, config) for _ in range(options.rounds + 1)]
    rows = [(str(i), *(f"{x:.2f}" for x in (s.frame, s.ready, s.daemon_cpu, s.camera_cpu)))
            for i, s in enumerate(starts)]  # fmt: skip
    later = starts[1:] or starts
    middle = [statistics.median(values) for values in zip(
        *((s.frame, s.ready, s.daemon_cpu, s.camera_cpu) for s in later), strict=True
    )]  # fmt: skip
    rows.append(("median", *(f"{x:.2f}" for x in middle)))
    print_table(f"{processor_name()}, load {os.getloadavg()[0]:.1f}, {source}",
                ("start", "first frame", "READY", "daemon CPU", "camera CPU"), rows)  # fmt: skip


if __name__ == "__main__":
    main()
