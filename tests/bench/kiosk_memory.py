"""Measures the memory of the whole daemon over many frames, with every model loaded.

    python tests/bench/kiosk_memory.py [--frames 100000] [--settle 5000] [--embedder FILE.edge]

The real daemon runs as a process of its own with two cameras: a video of generated notes, 640 x
360, as fast as it is processed, and drawn heads at 30 frames a second at most; it reads notes,
watches for faces, and stores every event. Frames are those processed of both. A viewer of the page
takes pictures all the time. Megabytes are of a million bytes and proportional (PSS): what processes
share is divided among them, also with others on the machine. The bars are 5 % above what it was
after --settle frames, and 350 MB. Interrupted by Ctrl-C it ends with what it has.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from kiosk_page import make_video
from kiosk_start import children_of

from edgecnn_device.gallery import create_master_key
from edgecnn_device.kiosk.web.tokens import TokenStore
from edgecnn_device.processor import processor_name

_CONFIG = """
data: {data}
cameras:
  desk: {{source: "{video}", paced: false, loop: true}}
  door: {{source: "synthetic:heads", rate: 30, notes: false}}
faces: {{enabled: true, watch: true, fmr: 1.0e-2, key_file: "{key}", embedder: "{embedder}"}}
web: {{port: 0}}
staleness_s: 20
bundles: {{measure: false}}
"""
_WAIT_S = 300.0
_POINTS = 20


def processed(url: str, token: str) -> int:
    """Return how many frames were, of all cameras."""
    request = urllib.request.Request(
        f"{url}api/v1/cameras", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return sum(int(camera["processed"]) for camera in json.load(answer))


def proportional_mb(process: int) -> float:
    """Return the memory of a process, with its share of what it has with others."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return int(re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)[0]) * 1024 / 1e6


def whole_mb(process: int) -> tuple[float, float]:
    """Return the memory of the daemon, and of its cameras' processes."""
    return proportional_mb(process), sum(map(proportional_mb, children_of(process)))


def measure(url: str, token: str, process: int, options: argparse.Namespace) -> None:
    """Print the memory on the way."""
    step = options.frames // _POINTS
    points = sorted({options.settle, *range(step, options.frames + 1, step)})
    print(f"{processor_name()}: the daemon, its cameras' processes and both, MB", flush=True)
    settled = most = 0.0
    for point in points:
        while (frames := processed(url, token)) < point:
            time.sleep(0.2)
        own, cameras = whole_mb(process)
        settled = settled or (own + cameras) * (point >= options.settle)
        most = max(most, own + cameras)
        change = f"{(own + cameras) / settled - 1:+.1%}" if settled else ""
        print(f"{frames:8} frames {own:7.1f} {cameras:6.1f} {own + cameras:7.1f} {change}",
              flush=True)  # fmt: skip
    print(f"most: {most:.1f} MB")


def main() -> None:
    """Run the daemon, and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--settle", type=int, default=5_000)
    parser.add_argument("--embedder", default="face-embedder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, log, config = folder / "data", folder / "log.txt", folder / "kiosk.yaml"
        data.mkdir(mode=0o700)
        make_video(folder / "notes.avi", (640, 360))
        create_master_key(folder / "key")
        config.write_text(
            _CONFIG.format(data=data, video=folder / "notes.avi", key=folder / "key",
                           embedder=options.embedder), encoding="utf-8",
        )  # fmt: skip
        _, token = TokenStore(data).add("view")
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "edgecnn", "kiosk", "run", str(config), "--log-format",
                 "text"], stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        viewer = None
        try:
            until, found = time.monotonic() + _WAIT_S, None
            while found is None:
                text = log.read_text(encoding="utf-8")
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(text)
                found = re.search(r"running: (http://\S+/)", text)
                time.sleep(0.1)
            viewer = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("kiosk_page.py")),
                 "--look", found[1], token, "--viewers", "1"]
            )  # fmt: skip
            with suppress(KeyboardInterrupt):
                measure(found[1], token, process.pid, options)
        finally:
            if viewer:
                viewer.kill()
            process.send_signal(signal.SIGTERM)
            process.wait(30)


if __name__ == "__main__":
    main()
