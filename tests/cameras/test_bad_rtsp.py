"""Servers that only seem to speak RTSP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edgecnn_device.cameras import Capture

HELLO = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"
SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
ANSWERS = {
    "ends at once": b"",
    "rubbish": bytes(range(256)) * 64,
    "no such status": b"RTSP/1.0 999 Whatever\r\nCSeq: 1\r\n\r\n",
    "endless length": b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n",
    "negative length": b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n",
    "one long line": b"RTSP/1.0 200 " + b"A" * 200_000,
    "half a description": HELLO
    + b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 500\r\n\r\n"
    + SDP,
}


@pytest.fixture
def answer() -> Iterator[Callable[[bytes | None], int]]:
    """Listens, gives every client the same answer, and hangs up; None: says nothing, and stays."""
    listeners: list[socket.socket] = []
    clients: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def listen(data: bytes | None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    clients.append(client)
                    if data is not None:
                        with contextlib.suppress(OSError):
                            client.recv(4096)
                            client.sendall(data)
                        client.close()

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield listen
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)
    for client in clients:
        client.close()


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_what_is_no_rtsp_is_tried_again(
    start: Callable[..., Capture], wait_for: Any, answer: Any, kind: str
) -> None:
    told: list[str] = []
    capture = start(f"rtsp://me:hunter2@127.0.0.1:{answer(ANSWERS[kind])}/1", deadline_s=1,
                    on_change=lambda _, state, __: told.append(state))  # fmt: skip
    status = wait_for(capture, lambda _: told.count("backoff") >= 2)
    assert "cannot be opened" in status.reason and "hunter2" not in status.reason
    assert status.captured == 0


def test_silence_ends_by_the_deadline(
    start: Callable[..., Capture], wait_for: Any, answer: Any
) -> None:
    capture = start(f"rtsp://127.0.0.1:{answer(None)}/1", deadline_s=1)
    assert wait_for(capture, lambda s: s.state == "backoff").captured == 0
    capture.stop()
    assert capture.join(90)
