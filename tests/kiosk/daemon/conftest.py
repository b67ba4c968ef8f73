"""The daemon as a process, with systemd's socket, and a client of its API."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.kiosk.web.tokens import TokenStore

START_S = 120.0
"""For the first start, on a machine with other work."""


@dataclass
class Running:
    """A daemon under way."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path
    notify: socket.socket
    token: str
    told: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Of its page, as the log says; it listens on any free port."""
        found = re.findall(r"the page is at (http://\S+/)", self.text)
        assert found, self.text
        return str(found[-1])

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, line: str) -> None:
        """Wait until systemd is told a line."""
        self.until(lambda: line in self.told)

    def listen(self) -> None:
        """Take what systemd is told; a full socket would hold the daemon up."""
        while True:
            try:
                self.told += self.notify.recv(4096).decode().splitlines()
            except OSError:
                return

    def get(self, path: str) -> Any:
        """Ask the API."""
        request = urllib.request.Request(
            f"{self.url}api/v1/{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def until(self, true: Callable[[], object], timeout_s: float = START_S) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + timeout_s
        while not true():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.2)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it; returns its exit status and how long that took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - begun


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a daemon with a configuration; its process is ended with the test."""
    started: list[Running] = []

    def start(text: str) -> Running:
        config = tmp_path / "kiosk.yaml"
        config.write_text(f"{text}\ndata: {tmp_path}/data\n", encoding="utf-8")
        (tmp_path / "data").mkdir(mode=0o700, exist_ok=True)
        _, token = TokenStore(tmp_path / "data").add("admin")
        path = tmp_path / f"notify-{len(started)}"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(path))
        log = tmp_path / f"log-{len(started)}.txt"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "edgecnn", "kiosk", "run", str(config), "--log-format",
                 "text"], stdout=file, stderr=file,
                env={**os.environ, "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "3000000",
                     "XDG_CACHE_HOME": str(tmp_path / "cache")},
            )  # fmt: skip
        started.append(Running(process, config, log, notify, token))
        threading.Thread(target=started[-1].listen, daemon=True).start()
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait(10)
        one.notify.shutdown(socket.SHUT_RDWR)
        one.notify.close()
