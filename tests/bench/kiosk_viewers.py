"""Measures what viewers of the live page cost: time of the processor of the serving process.

    OMP_NUM_THREADS=1 python tests/bench/kiosk_viewers.py [--seconds 20] [--rate 10]

The page's server runs in a process of its own over a camera that gives the same 1280 x 720 picture
again and again (a generated scene with noise, as costly to encode as a real one); viewers are
another process. Each row is the time of the processor over the time that passed, in percent of one
core; the first row is the server with nobody looking. The last column is the time of the processor
for one picture to all viewers: it stays comparable where the machine has other work and fewer
pictures come than may. No model runs here: compare with the cores
that the pipeline has. ``socket`` is the page's own way (JPEG by WebSocket), ``mjpeg`` the stream
for other programs, ``boxes`` the stream with boxes drawn into it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from websockets.asyncio.client import connect

from edgecnn.cli.output import print_table
from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.ports import CameraStatus, EventLog, LiveFrame, SeenNote
from edgecnn_device.kiosk.web import Server, TokenStore, create_app

CAMERA, CAMERA_RATE = "front", 30.0
CASES = (("nobody", 0), ("socket", 1), ("socket", 5), ("mjpeg", 1), ("mjpeg", 5), ("boxes", 5),
         ("socket", 16))  # fmt: skip


class _Quiet:
    """A log of events without any."""

    def find(self, query: object) -> tuple[()]:
        return ()


class _Still:
    """A kiosk with one camera at 30 frames per second; only what the live view asks is there."""

    name, people = "bench", None
    events: EventLog = _Quiet()  # type: ignore[assignment]

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        coarse = random.integers(0, 255, (45, 80, 3), np.uint8)
        scene = cv2.resize(coarse, (1280, 720), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        noise = random.integers(-8, 9, scene.shape, np.int16)
        image = np.clip(scene + noise, 0, 255).astype(np.uint8)
        note = SeenNote(1, ((300, 200), (900, 210), (890, 480), (310, 470)), "AB1234567C", "USD",
                        0.9, 3, False)  # fmt: skip
        self._frame = LiveFrame(CAMERA, 0, image, (note,), (), 0.0)

    def cameras(self) -> tuple[CameraStatus, ...]:
        return (CameraStatus(CAMERA, "live", "", 0, 0, 0, CAMERA_RATE, 0),)

    def live(self, camera: str, after: int, timeout_s: float) -> LiveFrame | None:
        index = int(time.monotonic() * CAMERA_RATE)
        if index <= after:
            time.sleep((after + 1) / CAMERA_RATE - time.monotonic() % 1e9 + 1e-3)
            index = after + 1
        return replace(self._frame, index=index)


def serve(pipe: Connection, rate: float) -> None:
    """Serve until told to stop; answers each word with the time of the processor so far."""
    config = WebConfig(port=0, live_rate=rate, viewers=64)
    with tempfile.TemporaryDirectory() as folder:
        tokens = TokenStore(Path(folder))
        server = Server(create_app(_Still(), config, tokens), config)  # type: ignore[arg-type]
        server.start()
        pipe.send((server.url, tokens.add("view")[1]))
        while pipe.recv() != "stop":
            pipe.send(time.process_time())
        server.stop()


async def look(url: str, token: str, kind: str, seconds: float) -> int:
    """Look for some time; returns how many pictures came."""
    header, end, count = {"Authorization": f"Bearer {token}"}, time.monotonic() + seconds, 0
    base = f"{url}api/v1/cameras/{CAMERA}"
    if kind == "socket":
        address = base.replace("http", "ws", 1) + "/live"
        async with connect(address, additional_headers=header) as socket:
            while time.monotonic() < end:
                assert json.loads(await socket.recv())["type"] == "frame"
                await socket.recv()
                await socket.send("next")
                count += 1
        return count
    async with httpx.AsyncClient(headers=header, timeout=30) as client:
        given: dict[str, Any] = {"params": {"boxes": str(kind == "boxes").lower()}}
        async with client.stream("GET", base + "/stream.mjpg", **given) as answer:
            async for chunk in answer.aiter_raw():
                count += chunk.count(b"--picture")
                if time.monotonic() > end:
                    return count
    return count


async def all_look(url: str, token: str, kind: str, viewers: int, seconds: float) -> list[int]:
    """Look several times at once."""
    if not viewers:
        await asyncio.sleep(seconds)
    return await asyncio.gather(*(look(url, token, kind, seconds) for _ in range(viewers)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=10.0, help="web.live_rate")
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, given.rate))
    process.start()
    url, token = ours.recv()
    rows = []
    for kind, viewers in CASES:
        ours.send("time")
        before, began = ours.recv(), time.monotonic()
        counts = asyncio.run(all_look(url, token, kind, viewers, given.seconds))
        ours.send("time")
        used, passed = ours.recv() - before, time.monotonic() - began
        each = f"{min(counts) / passed:.1f} .. {max(counts) / passed:.1f}" if counts else "-"
        cost = f"{1000 * used / max(counts):.1f}" if counts else "-"
        rows.append((kind, str(viewers), f"{100 * used / passed:.1f}", each, cost))
    ours.send("stop")
    process.join()
    columns = ("viewers", "number", "% of a core", "pictures/s each", "ms per picture")
    print_table(f"1280 x 720, at most {given.rate:g} pictures/s", columns, rows)


if __name__ == "__main__":
    main()
