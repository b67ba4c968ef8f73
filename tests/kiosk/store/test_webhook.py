"""Webhooks against a receiver on loopback that fails in every way it can."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import WebhookConfig
from edgecnn_device.kiosk.events import Event
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store import Store, event_json
from edgecnn_device.kiosk.store.outbox import Outbox, Patience
from edgecnn_device.kiosk.store.webhook import Webhook

SECRET = b"0123456789abcdef"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Behaviour = Callable[["Receiver", socket.socket], None]


@dataclass
class Receiver:
    """Takes a connection after another, reads a request, and behaves as told."""

    behaviours: list[Behaviour | bytes] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    path: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(10.0)

    def _serve(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            behaviour = self.behaviours.pop(0) if self.behaviours else OK
            with connection, suppress(OSError, ValueError):
                connection.settimeout(5.0)
                if callable(behaviour):
                    behaviour(self, connection)
                else:
                    self._read(connection)
                    connection.sendall(behaviour)

    def _read(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            self.path = file.readline().decode().split()[1]
            lines = iter(lambda: file.readline().strip().decode(), "")
            headers = dict(line.split(": ", 1) for line in lines)
            self.requests.append((headers, file.read(int(headers["Content-Length"]))))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def hook(receiver: Receiver) -> Iterator[Webhook]:
    made = _hook(receiver)
    yield made
    made.close()


def _hook(receiver: Receiver, timeout_s: float = 0.5) -> Webhook:
    url = f"http://127.0.0.1:{receiver.port}/hook?token=hidden"
    return Webhook(WebhookConfig(url=url, secret_file=Path("x"), timeout_s=timeout_s), SECRET)


@pytest.fixture
def stored(note: Callable[..., Event]) -> StoredEvent:
    return StoredEvent(7, note(), False)


def test_a_receiver_can_verify_what_it_gets(
    hook: Webhook, receiver: Receiver, stored: StoredEvent
) -> None:
    assert hook.deliver(stored).is_ == "delivered"
    ((headers, body),) = receiver.requests
    stamp = headers["X-Edgecnn-Timestamp"]
    expected = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Edgecnn-Signature"] == f"sha256={expected}"
    assert abs(time.time() - int(stamp)) < 60
    assert headers["X-Edgecnn-Event"] == stored.event.id == json.loads(body)["id"]
    assert body.decode() == event_json(stored) and headers["Content-Type"] == "application/json"
    assert receiver.path == "/hook?token=hidden"


def _hang(receiver: Receiver, connection: socket.socket) -> None:
    receiver._read(connection)
    connection.recv(1)  # until the other side goes


def _close_early(receiver: Receiver, connection: socket.socket) -> None:
    connection.recv(10)


def _close_after_request(receiver: Receiver, connection: socket.socket) -> None:
    receiver._read(connection)


def _drip(receiver: Receiver, connection: socket.socket) -> None:
    receiver._read(connection)
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def _endless_body(receiver: Receiver, connection: socket.socket) -> None:
    receiver._read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not receiver.ended.is_set():
        connection.sendall(bytes(65536))


def _endless_head(receiver: Receiver, connection: socket.socket) -> None:
    receiver._read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not receiver.ended.is_set():
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (OK, "delivered"),
        (b"HTTP/1.0 200 OK\r\n\r\nthanks", "delivered"),
        (_endless_body, "delivered"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", "later"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "later"),
        (b"HTTP/1.1 408 Slow\r\n\r\n", "later"),
        (b"HTTP/1.1 429 Many\r\n\r\n", "later"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "later"),
        (b"HTTP/1.1 400 Bad\r\n\r\n", "refused"),
        (b"HTTP/1.1 404 None\r\n\r\n", "refused"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "refused"),
        (b"nonsense\r\n\r\n", "later"),
        (b"HTTP/1.1 99999 Odd\r\n\r\n", "later"),
        (b"", "later"),
        (_hang, "later"),
        (_drip, "later"),
        (_close_early, "later"),
        (_close_after_request, "later"),
        (_endless_head, "later"),
    ],
)
def test_each_answer_is_understood_in_time(
    hook: Webhook, receiver: Receiver, stored: StoredEvent, behaviour: Behaviour, outcome: str
) -> None:
    receiver.behaviours.append(behaviour)
    start = time.monotonic()
    found = hook.deliver(stored)
    assert found.is_ == outcome, found
    assert time.monotonic() - start < 4.0  # of a timeout of 0.5 s
    assert "hidden" not in found.reason
    assert hook.deliver(stored).is_ == "delivered"  # nothing of it is left over


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("7", 7.0), ("-5", 0.0), ("1e9", 3600.0), ("nan", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)
def test_it_waits_as_it_is_asked_but_not_for_ever(
    hook: Webhook, receiver: Receiver, stored: StoredEvent, header: str, wait_s: float
) -> None:
    receiver.behaviours.append(f"HTTP/1.1 429 Many\r\nRetry-After: {header}\r\n\r\n".encode())
    assert hook.deliver(stored).wait_s == wait_s


def test_nobody_there_is_later(receiver: Receiver, hook: Webhook, stored: StoredEvent) -> None:
    receiver.close()
    outcome = hook.deliver(stored)
    assert (outcome.is_, outcome.reason) == ("later", "Connection refused")
    receiver.server = socket.create_server(("127.0.0.1", 0))  # for the fixture's end


def test_it_ends_at_once_though_a_receiver_hangs(receiver: Receiver, stored: StoredEvent) -> None:
    receiver.behaviours.append(_hang)
    hook = _hook(receiver, timeout_s=60.0)
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(hook.deliver(stored).is_))
    thread.start()
    while not receiver.requests:
        time.sleep(0.01)
    hook.close()
    thread.join(3.0)
    assert outcomes == ["later"]
    assert hook.deliver(stored).is_ == "later"


def test_its_name_tells_no_token_and_its_key_depends_on_the_address(receiver: Receiver) -> None:
    first, second = _hook(receiver), _hook(receiver)
    other = Webhook(WebhookConfig(url="https://h/x", secret_file=Path("x")), SECRET)
    assert first.key == second.key != other.key
    assert "hidden" not in first.name + first.key and first.name.startswith("webhook 127.0.0.1:")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InputError, match="16 bytes or more, came 3"):
        Webhook(WebhookConfig(url="http://h/", secret_file=Path("x")), b"abc")


def test_an_unusable_file_of_authorities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no")
    config = WebhookConfig(url="https://h/", secret_file=Path("x"), ca_file=tmp_path / "ca.pem")
    with pytest.raises(InputError, match="no file of certificates"):
        Webhook(config, SECRET)


def test_events_come_through_a_receiver_that_fails_in_turn(
    store: Store, receiver: Receiver, note: Callable[..., Event], until: Callable[..., None]
) -> None:
    oops = b"HTTP/1.1 500 Oops\r\n\r\n"
    receiver.behaviours += [
        oops, _close_early, OK, _hang, _close_after_request, OK, _drip, oops, OK,
    ]  # fmt: skip
    outbox = Outbox(store, (_hook(receiver),), Patience(0.01, 0.05))
    events = [note(str(i)) for i in range(12)]
    for event in events:
        store.add(event)
    until(lambda: outbox.undelivered() == 0, 60.0)
    outbox.close()
    ids = [headers["X-Edgecnn-Event"] for headers, _ in receiver.requests]
    assert list(dict.fromkeys(ids)) == [event.id for event in events]
    # It read the request of each attempt but those it closed early.
    assert len(ids) == len(events) + 5
