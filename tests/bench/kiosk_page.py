"""Measures what viewers of the page cost the daemon: frames per second with and without them.

    python tests/bench/kiosk_page.py [--viewers 5] [--seconds 10] [--rounds 4]

The real daemon runs as a process of its own on a video of generated notes, 1280 x 720, as fast as
it is processed; viewers are another process, each a WebSocket of the live view that takes pictures
as the page does (10 a second at most). Turns without and with viewers alternate, as other work on
the machine comes and goes; the last column is the time of the processor that the daemon used for a
frame, whole. Serving and processing share the daemon's interpreter and a core each where there are
two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import cv2
from websockets.asyncio.client import connect

from edgecnn.cli.output import print_table
from edgecnn_device.cameras.synthetic_notes import SyntheticNotes
from edgecnn_device.kiosk.web.tokens import TokenStore
from edgecnn_device.processor import processor_name

_CONFIG = """
data: {data}
cameras:
  desk: {{source: "{video}", paced: false, loop: true}}
web: {{port: 0}}
staleness_s: 20
bundles: {{measure: false}}
"""
_WAIT_S, _NOTES_S, _RATE = 300.0, 8, 10
_TICK = os.sysconf("SC_CLK_TCK")


def make_video(path: Path, size: tuple[int, int] = (1280, 720)) -> None:
    """Write two notes, one after the other."""
    camera = SyntheticNotes(size, 3, _RATE)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), _RATE, size)
    for _ in range(_NOTES_S * _RATE):
        video.write(camera.read())
    video.release()
    camera.close()


def processed(url: str, token: str) -> int:
    """Return how many frames were."""
    request = urllib.request.Request(
        f"{url}api/v1/cameras", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)[0]["processed"])


def used(process: int) -> float:
    """Return the seconds of the processor that a process used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:13]) / _TICK


async def look(url: str, token: str) -> None:
    """Take pictures until the process is ended."""
    address = url.replace("http", "ws", 1) + "api/v1/cameras/desk/live"
    header = {"Authorization": f"Bearer {token}"}
    async with connect(address, additional_headers=header) as socket:
        while True:
            await socket.recv()
            await socket.recv()
            await socket.send("next")


async def all_look(url: str, token: str, viewers: int) -> None:
    """Look several times at once."""
    await asyncio.gather(*(look(url, token) for _ in range(viewers)))


def turn(process: int, url: str, token: str, seconds: float) -> tuple[float, float]:
    """Return frames per second, and milliseconds of the processor for each."""
    before, cpu, begun = processed(url, token), used(process), time.monotonic()
    time.sleep(seconds)
    frames, cpu, took = (
        processed(url, token) - before, used(process) - cpu, time.monotonic() - begun
    )  # fmt: skip
    return frames / took, 1e3 * cpu / max(1, frames)


def measure(url: str, token: str, process: int, options: argparse.Namespace) -> None:
    """Take turns, and print the table."""
    alone, watched = [], []
    for _ in range(options.rounds):
        alone.append(turn(process, url, token, options.seconds))
        viewers = subprocess.Popen(
            [sys.executable, __file__, "--look", url, token, "--viewers", str(options.viewers)]
        )
        time.sleep(2)
        watched.append(turn(process, url, token, options.seconds))
        if viewers.poll() is not None:
            raise SystemExit("the viewers ended")
        viewers.kill()
        viewers.wait()
    rows = [
        (name, *(f"{statistics.median(values):.2f}" for values in zip(*turns, strict=True)))
        for name, turns in (("0", alone), (str(options.viewers), watched))
    ]
    ratios = [b[0] / a[0] for a, b in zip(alone, watched, strict=True)]
    title = f"{processor_name()}, load {os.getloadavg()[0]:.1f}, medians of {options.rounds} turns"
    print_table(title, ("viewers", "frames/s", "CPU ms per frame"), rows)
    each = ", ".join(f"{ratio:.1%}" for ratio in ratios)
    print(
        f"with viewers {statistics.median(ratios):.1%} of the frames per second; each turn {each}"
    )


def main() -> None:
    """Run the daemon, and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a turn (10)")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--look", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        url, token = options.look
        asyncio.run(all_look(url, token, options.viewers))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, log, config = folder / "data", folder / "log.txt", folder / "kiosk.yaml"
        data.mkdir(mode=0o700)
        make_video(folder / "notes.avi")
        config.write_text(_CONFIG.format(data=data, video=folder / "notes.avi"), encoding="utf-8")
        _, token = TokenStore(data).add("view")
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "edgecnn", "kiosk", "run", str(config), "--log-format",
                 "text"], stdout=file, stderr=file,
            )  # fmt: skip
        try:
            until, found = time.monotonic() + _WAIT_S, None
            while found is None:
                text = log.read_text(encoding="utf-8")
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(text)
                found = re.search(r"running: (http://\S+/)", text)
                time.sleep(0.1)
            measure(found[1], token, process.pid, options)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


if __name__ == "__main__":
    main()
