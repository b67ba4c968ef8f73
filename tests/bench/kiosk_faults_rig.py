"""The daemon of a fault run, as a process, with everything around it, and a client of its API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from kiosk_faults_bundles import draw_person, write_choices, write_faces
from kiosk_faults_journal import Entry, Journal, Stored
from kiosk_faults_outside import (
    Disk,
    Listener,
    Receiver,
    Relay,
    Server,
    Subscriber,
    kept_port,
    mosquitto,
    rtsp_server,
)

from edgecnn_device.gallery import create_master_key
from edgecnn_device.kiosk.web.tokens import TokenStore

RESTART_S = 2.0
"""RestartSec of our systemd unit."""
HOOK_KINDS, BROKER_KINDS = ("note", "system"), ("note", "camera", "system")
_START_S = 180.0
_PASSING_S = 0.3
"""So long what was sent last may be on its way to the journal."""
_PICTURES = 4


class Rig:
    """Starts everything of a folder, and ends it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.journal = Journal(folder / "journal.jsonl")
        self.journal.add(Entry("sitting"))
        self.disk = Disk(folder / "disk", folder / "kept")
        self.data, self.pictures = self.disk.folder / "data", folder / "pictures"
        self.receiver = Receiver(self.journal, kept_port(folder, "hook"))
        self.broker = mosquitto(folder / "broker")
        self.camera = rtsp_server(folder)
        self.relay = Relay(self.camera.port) if self.camera else None
        self._prepare()
        self.port = kept_port(folder, "web")
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / "daemon.log").open("ab")
        _, self._token = TokenStore(self.data).add("admin")
        self._people = len(self.journal.of("enrolled"))
        self._listener: Listener | None = None
        self._subscriber: Subscriber | None = None

    def start(self) -> None:
        """Start all, the daemon last, and wait until it processes."""
        outside: list[Server | Receiver | None] = [self.receiver, self.broker, self.camera]
        for part in outside:
            if part is not None:
                part.start()
        self.write_config()
        self.start_daemon()
        self.until(self._all_seen, _START_S)
        self._listener = Listener(self.journal, self.port, self._token)
        if self.broker:
            self._subscriber = Subscriber(self.journal, self.broker.port)

    def close(self) -> None:
        """End all."""
        if self._listener is not None:
            self._listener.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        if self._subscriber is not None:
            self._subscriber.close()
        self.receiver.stop()
        for part in (self.relay, self.broker, self.camera):
            if isinstance(part, Relay):
                part.close()
            elif part is not None:
                part.stop(signal.SIGTERM)
        self._log.close()
        self.journal.close()
        self.disk.close()

    # The daemon.

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._process is not None
        return int(self._process.pid)

    def start_daemon(self) -> None:
        """Start it; does not wait."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgecnn", "kiosk", "run", str(self.folder / "kiosk.yaml"),
             "--log-format", "text"], stdout=self._log, stderr=self._log,
            env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")},
        )  # fmt: skip

    def kill_daemon(self) -> None:
        """End it as a power cut ends a process."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)
        time.sleep(_PASSING_S)
        self.journal.add(Entry("interrupted"))

    def reload(self, free_mb: int) -> None:
        """Let it read another configuration."""
        self.write_config(free_mb)
        os.kill(self.pid, signal.SIGHUP)

    def write_config(self, free_mb: int = 0) -> None:
        """Write what it runs on; waits are short, so that 10 seconds can be kept."""
        door = f"rtsp://127.0.0.1:{self.relay.port}/h264" if self.relay else "synthetic:heads"
        again = "deadline_s: 2, backoff_s: 0.5, most_backoff_s: 4"
        broker = f"mqtt: {{host: 127.0.0.1, port: {self.broker.port}}}" if self.broker else ""
        faces = self.folder / "faces"
        (self.folder / "kiosk.yaml").write_text(f"""
name: faults
data: {self.data}
staleness_s: 5
cameras:
  desk: {{source: "synthetic:notes", width: 640, height: 360, rate: 4, {again}}}
  door: {{source: "{door}", notes: false, {again}{"" if self.relay else ", rate: 4"}}}
  shelf: {{source: "{self.pictures}", loop: true, rate: 4, notes: false, {again}}}
faces:
  enabled: true
  detector: {faces}/finds.edge
  points: null
  embedder: {faces}/embeds.edge
  key_file: {self.folder}/master.key
web: {{port: {self.port}}}
storage: {{free_mb: {free_mb}, quota_mb: 32}}
bundles: {{measure: false}}
webhooks:
  - {{url: "http://127.0.0.1:{self.receiver.port}/", secret_file: {self.folder}/hook,
      kinds: [{", ".join(HOOK_KINDS)}], timeout_s: 4}}
{broker}
""", encoding="utf-8")  # fmt: skip

    def children(self) -> list[int]:
        """Return the processes in which the daemon's cameras are read."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                line = (path.parent / "cmdline").read_bytes()
                if parent == self.pid and b"cameras.child" in line:
                    found.append(int(path.parent.name))
        return sorted(found)

    def queued(self) -> dict[int, float]:
        """Return for how many seconds each thread of the daemon and its cameras could not run.

        By /proc/PID/task/TID/schedstat, whose second number is nanoseconds on a run queue.
        """
        found = {}
        for process in (self.pid, *self.children()):
            for path in Path(f"/proc/{process}/task").glob("*/schedstat"):
                with suppress(OSError):
                    found[int(path.parent.name)] = int(path.read_text().split()[1]) / 1e9
        return found

    # The API.

    def ask(self, path: str, body: object = None, timeout_s: float = 10.0) -> Any:
        """Ask the API: GET, or POST with a body.

        Raises:
            OSError: no answer; `urllib.error.HTTPError` where it is a refusal.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        return json.loads(self._open(path, data, headers, timeout_s))

    def enrol(self, timeout_s: float = 10.0) -> bool:
        """Enrol somebody new; returns whether that was acknowledged."""
        self._people += 1
        person, line = f"person {self._people:05}", "----edgecnn"
        parts = [
            f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in (("person", person), ("consent", "true"))
        ]
        head = f'--{line}\r\nContent-Disposition: form-data; name="pictures"; filename="a.jpg"\r\n'
        parts += [f"{head}Content-Type: image/jpeg\r\n\r\n".encode(), draw_person(self._people),
                  f"\r\n--{line}--\r\n".encode()]  # fmt: skip
        kind = {"Content-Type": f"multipart/form-data; boundary={line}"}
        try:
            answer = json.loads(self._open("people", b"".join(parts), kind, timeout_s))
        except OSError:
            return False
        if answer["pictures"] < 1:
            return False
        self.journal.add(Entry("enrolled", person))
        return True

    def provoke(self) -> None:
        """Cause an event that both receivers are owed: a damaged bundle is refused."""
        with suppress(OSError):
            self.ask("bundles", {"role": "note-detector", "name": "damaged.edge"})

    def people(self) -> list[str]:
        """Return who is enrolled."""
        return [row["person"] for row in self.ask("people")]

    def stored(self) -> list[Stored]:
        """Return all events, page by page."""
        found: list[Stored] = []
        before = ""
        while True:
            page = self.ask(f"events?limit=500{before}")
            found += [Stored(e["sequence"], e["id"], e["kind"]) for e in page["events"]]
            if page["next"] is None:
                return found
            before = f"&before={page['next']}"
            time.sleep(0.05)  # within the rate that one address has

    def processed(self) -> dict[str, int]:
        """Return how many frames each camera had processed."""
        return {row["name"]: int(row["processed"]) for row in self.ask("cameras", None, 3.0)}

    def until(self, true: Callable[[], object], timeout_s: float) -> bool:
        """Wait for something of the API to become true; returns whether it did."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            with suppress(OSError, ValueError):
                if true():
                    return True
            time.sleep(0.1)
        return False

    def healthy(self) -> bool:
        """Return whether nothing waits to be written."""
        reasons = self.ask("health", None, 3.0)["reasons"]
        return not any(re.search(r"wait", reason) for reason in reasons)

    def owed(self) -> int:
        """Return how many events a target has not acknowledged."""
        return int(self.ask("health", None, 3.0)["undelivered"])

    def _all_seen(self) -> bool:
        counts = self.processed()
        return len(counts) == 3 and all(counts.values())

    def _open(
        self, path: str, data: bytes | None, headers: dict[str, str], timeout_s: float
    ) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path}", data,
            {"Authorization": f"Bearer {self._token}", **headers},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            error.msg = error.read().decode(errors="replace")[:300]
            error.close()
            raise

    # What is made once.

    def _prepare(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        faces = self.folder / "faces"
        if not faces.exists():
            faces.mkdir()
            write_faces(faces)
            create_master_key(self.folder / "master.key")
            (self.folder / "hook").write_bytes(os.urandom(32))
            (self.folder / "hook").chmod(0o600)
            self.pictures.mkdir()
            self.write_pictures()
        bundles = self.data / "bundles"
        if not bundles.exists():
            bundles.mkdir(mode=0o700)
            write_choices(bundles)

    def write_pictures(self, spoil: Callable[[bytes], bytes] = lambda data: data) -> None:
        """Write what the camera `shelf` shows."""
        draw = np.random.default_rng(3)
        for index in range(_PICTURES):
            picture = draw.integers(0, 255, (240, 320, 3), np.uint8)
            path = self.pictures / f"{index}.jpg"
            new = path.with_suffix(".new")
            new.write_bytes(spoil(bytes(cv2.imencode(".jpg", picture)[1])))
            new.rename(path)
