"""What a daemon has around it in a fault run: a camera, a receiver, a broker, a disk, a listener.

Each is a real one, and can be taken away and given back.
"""

from __future__ import annotations

import http.server
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import paho.mqtt.client as paho
from kiosk_faults_journal import Entry, Journal
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

_DEBIAN_PYTHON = "/usr/bin/python3"
_RTSP = Path(__file__).parents[1] / "cameras" / "rtsp_server.py"
_DISK_MB = 64

Manner: TypeAlias = Literal["takes", "refuses", "fails", "breaks off"]


def kept_port(folder: Path, what: str) -> int:
    """Return a port that nobody used when it was first asked for, the same in every sitting.

    What is owed is owed to an address: a receiver at another one would be a new receiver.
    """
    path = folder / f"port-{what}"
    if not path.exists():
        with socket.create_server(("127.0.0.1", 0)) as found:
            path.write_text(str(found.getsockname()[1]))
    return int(path.read_text())


class Server:
    """A process that serves a port, and can be killed, stopped and started."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command, self.port = command, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            time.sleep(0.05)
        raise SystemExit(f"{self._command[0]} does not answer at port {self.port}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None


def rtsp_server(folder: Path) -> Server | None:
    """Return a server of GStreamer's; None where Debian's parts are missing."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        subprocess.run([_DEBIAN_PYTHON, "-c", check], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    port = kept_port(folder, "camera")
    return Server([_DEBIAN_PYTHON, str(_RTSP), str(port)], port)


def mosquitto(folder: Path) -> Server | None:
    """Return a broker that keeps what it took; None where Debian's mosquitto is missing."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        return None
    folder.mkdir(exist_ok=True)
    port = kept_port(folder, "broker")
    user = "user root\n" if os.getuid() == 0 else ""
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\npersistence true\nautosave_interval 1\nautosave_on_changes "
        f"true\npersistence_location {folder}/\nallow_anonymous true\nmax_queued_messages 0\n{user}"
    )
    return Server([program, "-c", str(config)], port)


class Relay:
    """Passes the camera's stream on, and spoils bytes of it where it is told to."""

    def __init__(self, to: int) -> None:
        self._to, self.spoils = to, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to), 2.0)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for pair, down in (((client, server), False), ((server, client), True)):
                threading.Thread(target=self._pass, args=(*pair, down), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if down and self.spoils:
                    spoilt = bytearray(data)
                    for _ in range(max(1, len(data) // 500)):
                        spoilt[random.randrange(len(data))] ^= 1 << random.randrange(8)
                    data = bytes(spoilt)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class _Post(http.server.BaseHTTPRequestHandler):
    """Takes an event as the receiver's manner is."""

    server: _Receiving

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = json.loads(body)
        named = self.headers["X-Edgecnn-Event"]
        if receiver.manner == "fails":
            self.send_response(503)
            self.end_headers()
            return
        receiver.took(named, event)
        if receiver.manner == "breaks off":  # it has it, and the daemon cannot know
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(204)
        self.end_headers()
        self.wfile.flush()
        receiver.journal.add(Entry("answered", event["id"], event["sequence"], "webhook"))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Receiving(http.server.ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever posted is gone."""


class Receiver:
    """Takes webhooks, and notes each with the id of its header and of its body."""

    def __init__(self, journal: Journal, port: int) -> None:
        self.journal, self.port = journal, port
        self.manner: Manner = "takes"
        self._server: _Receiving | None = None

    def took(self, named: str, event: dict[str, Any]) -> None:
        """Note a delivery; an id in the header that is not the body's shows as a second one."""
        for id in {named, event["id"]}:
            self.journal.add(Entry("delivered", id, event["sequence"], "webhook"))

    def start(self) -> None:
        """Listen."""
        self._server = _Receiving(("127.0.0.1", self.port), _Post)
        self._server.receiver = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Subscriber:
    """Takes what the broker passes on; its session outlives both."""

    def __init__(self, journal: Journal, port: int) -> None:
        self._journal = journal
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="auditor", clean_session=False
        )
        self._client.on_connect = lambda client, *_: client.subscribe("edgecnn/+/event/#", qos=1)
        self._client.on_message = self._took
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """End."""
        self._client.disconnect()
        self._client.loop_stop()

    def _took(self, _: object, __: object, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        if not message.dup:  # that is the broker's own repetition, not the daemon's
            self._journal.add(Entry("delivered", event["id"], event["sequence"], "mqtt"))
            self._journal.add(Entry("answered", event["id"], event["sequence"], "mqtt"))


class Listener:
    """Follows the events by WebSocket, as a page does, and notes which were shown."""

    def __init__(self, journal: Journal, port: int, token: str) -> None:
        self._journal, self._token = journal, token
        self._address = f"ws://127.0.0.1:{port}/api/v1/events"
        shown = [entry.number for entry in journal.of("acknowledged")]
        self._last, self._stop = max(shown, default=0), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            with suppress(OSError, WebSocketException, EOFError):
                self._follow()

    def _follow(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        address = f"{self._address}?after={self._last}"
        with connect(address, additional_headers=headers, open_timeout=5) as socket_:
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    said = json.loads(socket_.recv(0.5))
                    if said["type"] == "event":
                        event = said["event"]
                        self._last = event["sequence"]
                        self._journal.add(
                            Entry("acknowledged", event["id"], event["sequence"], "websocket")
                        )


class Disk:
    """A small disk of its own where root may mount one; else a folder, which cannot be filled."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self.folder, self._kept = folder, kept
        folder.mkdir(exist_ok=True)
        self._ballast = folder / "ballast"
        self.small = os.path.ismount(folder) or self._mount()

    def fill(self) -> None:
        """Take all that is free."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    def free(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep what is on it for the next sitting."""
        self.free()
        if self.small:
            shutil.rmtree(self._kept, ignore_errors=True)
            shutil.copytree(self.folder, self._kept)
            subprocess.run(["umount", str(self.folder)], check=True)

    def _mount(self) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(self.folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        if self._kept.exists():
            shutil.copytree(self._kept, self.folder, dirs_exist_ok=True)
        return True
