"""The daemon as a whole: it starts, sees notes, delivers, reloads, survives a kill, and stops."""

from __future__ import annotations

import http.server
import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NOTES = """
cameras:
  desk: {source: "synthetic:notes", width: 960, height: 540, rate: 4}
web: {port: 0}
staleness_s: 20
bundles: {measure: false}
"""
STOP_S = 5.0


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Takes every event, and keeps it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.headers["X-Edgecnn-Event"], json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[http.server.HTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.taken = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def _serials(running: Any) -> list[str]:
    found = running.get("events?kinds=note&limit=200")["events"]
    return [e["body"]["serial"] for e in found if e["body"].get("serial")]


def test_it_reads_notes_and_delivers_them_and_stops(
    daemon: Callable[..., Any], receiver: http.server.HTTPServer, tmp_path: Path
) -> None:
    secret = tmp_path / "hook"
    secret.write_bytes(b"0123456789abcdef")
    secret.chmod(0o600)
    port = receiver.server_address[1]
    running = daemon(
        f"{NOTES}\nwebhooks: [{{url: 'http://127.0.0.1:{port}/', secret_file: {secret}}}]"
    )
    running.wait_for("READY=1")
    running.until(lambda: _serials(running))
    running.wait_for("WATCHDOG=1")
    taken: list[Any] = receiver.taken  # type: ignore[attr-defined]
    running.until(lambda: taken)
    stored = running.get("events?kinds=note&limit=200")["events"]
    assert {key for key, _ in taken} <= {event["id"] for event in stored}
    assert running.get("health")["ready"] and running.get("cameras")
    status, seconds = running.stop()
    assert (status, seconds < STOP_S + 2) == (0, True), running.text
    assert "STOPPING=1" in running.told


def test_a_reload_keeps_the_last_good_configuration(daemon: Callable[..., Any]) -> None:
    running = daemon(NOTES)
    running.wait_for("READY=1")
    good = running.config.read_text(encoding="utf-8")
    running.config.write_text(good.replace("desk:", "dsek: {sorce: x}\n  desk:"), encoding="utf-8")
    running.process.send_signal(signal.SIGHUP)
    running.until(lambda: "kept the old one" in running.text)
    assert [c["name"] for c in running.get("cameras")] == ["desk"]
    more = good.replace("  desk:", '  door: {source: "synthetic:heads", rate: 2}\n  desk:')
    running.config.write_text(more, encoding="utf-8")
    running.process.send_signal(signal.SIGHUP)
    running.until(lambda: "added: cameras.door" in running.text)

    def live() -> bool:
        cameras = running.get("cameras")
        return [c["state"] for c in cameras if c["name"] == "door"] == ["live"]

    running.until(live)
    assert running.stop(signal.SIGINT)[0] == 0


def test_what_was_acknowledged_is_there_after_a_kill(daemon: Callable[..., Any]) -> None:
    running = daemon(NOTES)
    running.wait_for("READY=1")
    running.until(lambda: _serials(running))
    before = {e["id"] for e in running.get("events?limit=500")["events"]}
    running.process.kill()
    running.process.wait(10)
    again = daemon(NOTES)
    again.wait_for("READY=1")
    after = {e["id"] for e in again.get("events?limit=500")["events"]}
    assert before <= after
    assert again.stop()[0] == 0


def test_a_second_daemon_of_the_same_folder_is_refused(daemon: Callable[..., Any]) -> None:
    running = daemon(NOTES)
    running.wait_for("READY=1")
    other = daemon(NOTES)
    assert other.process.wait(60) != 0
    assert "another" in other.text
    assert running.stop()[0] == 0
