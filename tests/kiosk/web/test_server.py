"""The real server on a real socket: clients that are slow, many, or gone."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra kiosk is not installed")

import httpx
from fastapi import FastAPI

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import TlsConfig, WebConfig
from edgecnn_device.kiosk.web import Server, TokenStore, create_app, protocol
from edgecnn_device.kiosk.web import server as serving

API = "/api/v1"


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        yield client


def rest(client: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65536):
            found += data
    return found


def test_it_listens_on_any_port_and_ends(server: Server, threads_end: Callable[[], None]) -> None:
    assert server.port > 0 and server.alive
    assert httpx.get(server.url + "healthz").json() == {"ok": True}
    server.stop()
    assert not server.alive
    threads_end()


def test_a_port_in_use_is_told(server: Server, app: FastAPI, config: WebConfig) -> None:
    other = Server(app, config.model_copy(update={"port": server.port}))
    with pytest.raises(InputError, match=r"web\.port"):
        other.start()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b"])
def test_a_header_that_never_ends_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEADER_S", 0.5)
    with connected(server) as client:
        client.sendall(sent)
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 408") and b'{"error"' in answer


def test_a_header_that_comes_drop_by_drop_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_S", 0.5)
    drops = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"b" * 400
    with connected(server) as client, pytest.raises(OSError):
        for drop in drops:  # 22 s of them; none prolongs the deadline
            client.send(bytes([drop]))
            time.sleep(0.05)


def test_a_second_header_that_never_ends_is_cut_off_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_S", 0.3)
    with connected(server) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /hea")
        assert b"408" in rest(client)


@pytest.mark.parametrize("body", [b"", b"{"])
def test_a_body_that_never_ends_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(protocol, "BODY_S", 0.3)
    with connected(server) as client:
        client.sendall(
            b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n" + body
        )
        assert b"HTTP/1.1 200" not in rest(client)


def test_a_body_sent_to_who_refused_it_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "BODY_S", 0.5)
    with connected(server) as client:
        client.sendall(
            b"POST /api/v1/people/verify HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        )
        rest(client)  # ends, whatever came


def test_an_endless_body_is_refused_while_it_comes(server: Server) -> None:
    with connected(server) as client:
        client.sendall(
            b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            for _ in range(64):
                client.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert b" 413 " in rest(client)


def test_a_header_that_is_too_long_is_refused(server: Server) -> None:
    with connected(server) as client, contextlib.suppress(OSError):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000)
        assert b" 400 " in rest(client)


def test_there_are_not_endlessly_many_connections(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 5)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(8)]
        dropped = 0
        for client in clients:
            client.settimeout(0.5)
            try:
                dropped += client.recv(1) == b""
            except ConnectionResetError:
                dropped += 1
            except TimeoutError:
                pass
        assert dropped == 3
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            assert httpx.get(server.url + "healthz").status_code == 200
            return
    pytest.fail("the places of those who left stay taken")


def test_strangers_do_not_fill_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected(server) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b" 400 " in rest(client)
    with connected(server) as client:
        client.sendall(
            b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 401 " in rest(client)
    server.stop()
    ours = [r for r in caplog.records if r.name.startswith(("uvicorn", "edgecnn"))]
    assert [r.getMessage() for r in ours if r.levelno > logging.INFO] == []
    assert not any("WebSocket" in r.getMessage() for r in ours)


def test_calls_that_wait_are_few_and_hold_up_nothing(server: Server, kiosk: Any, keys: Any) -> None:
    kiosk.people.hold.clear()
    url, body = f"{server.url}api/v1/people/verify", {"person": "Ann", "camera": "front"}
    statuses: list[int] = []

    def ask() -> None:
        answer = httpx.post(url, json=body, headers=keys.header("operate"), timeout=30)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(statuses) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert statuses == [503, 503]
    assert httpx.get(server.url + "healthz", timeout=10).status_code == 200
    kiosk.people.hold.set()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200] * 4 + [503] * 2


def test_it_stops_while_somebody_waits(server: Server, kiosk: Any, keys: Any) -> None:
    kiosk.people.hold.clear()
    body = {"person": "Ann", "camera": "front", "timeout_s": 20}

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(
                f"{server.url}api/v1/people/verify",
                json=body,
                timeout=30,
                headers=keys.header("operate"),
            )

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    server.stop()
    assert not server.alive
    kiosk.people.hold.set()
    thread.join(20)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsConfig:
    folder: Path = tmp_path_factory.mktemp("tls")
    made = TlsConfig(certificate=folder / "c.pem", key=folder / "k.pem")
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                str(made.key),
                "-out",
                str(made.certificate),
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("no openssl: apt install openssl")
    return made


def test_tls_is_served_and_its_handshake_has_a_deadline(
    kiosk: Any, keys: Any, certificate: TlsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HANDSHAKE_S", 0.5)
    config = WebConfig(port=0, tls=certificate)
    made = Server(create_app(kiosk, config, keys.store), config)
    made.start()
    try:
        trusted = ssl.create_default_context(cafile=str(certificate.certificate))
        with httpx.Client(verify=trusted, base_url=made.url) as client:
            login = client.post(f"{API}/session", json={"token": keys.tokens["view"]})
            assert "Secure" in login.headers["Set-Cookie"]
            assert client.get(f"{API}/session").status_code == 200
        with connected(made) as silent:
            assert rest(silent) == b""
    finally:
        made.stop()
    assert not made.alive


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_tls_files_that_cannot_be_used_are_told(
    kiosk: Any, tmp_path: Path, content: str | None
) -> None:
    tls = TlsConfig(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem")
    if content is not None:
        tls.certificate.write_text(content)
        tls.key.write_text(content)
    config = WebConfig(port=0, tls=tls)
    with pytest.raises(InputError, match=r"web\.tls"):
        Server(create_app(kiosk, config, TokenStore(tmp_path)), config)


def test_other_machines_need_tls(app: FastAPI) -> None:
    with pytest.raises(InputError, match="--insecure-http"):
        Server(app, WebConfig(host="0.0.0.0", port=0))
