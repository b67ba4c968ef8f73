"""Live views and live events over real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("websockets", reason="the extra kiosk is not installed")

import httpx
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.ports import LiveFrame
from edgecnn_device.kiosk.web import Server, create_app, feed, protocol, routes_events

API = "/api/v1"


def line(
    server: Server, path: str, **given: Any
) -> contextlib.AbstractContextManager[ClientConnection]:
    return connect(  # type: ignore[no-any-return]
        f"ws://127.0.0.1:{server.port}{API}{path}", open_timeout=60, **given
    )


def code_of(line: ClientConnection) -> int:
    """Return the code by which the server closes, within some seconds."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            line.recv(timeout=15)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def parts(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pictures of an MJPEG stream."""
    data = b""
    for chunk in stream:
        data += chunk
        while (end := data.find(b"\r\n--picture", 10)) > 0 or data.count(b"--picture") > 1:
            part, data = data[:end], data[end + 2 :]
            yield part[part.index(b"\r\n\r\n") + 4 :]


def test_mjpeg_shows_one_picture_after_another(
    server: Server, keys: Any, kiosk: Any, seen_note: Any
) -> None:
    kiosk.notes = (seen_note(sure=True),)
    url = f"{server.url}api/v1/cameras/front/stream.mjpg?boxes=true"
    with httpx.stream("GET", url, headers=keys.header("view"), timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        found = [p for p, _ in zip(parts(answer.iter_raw()), range(3), strict=False)]
    images = [cv2.imdecode(np.frombuffer(p, np.uint8), cv2.IMREAD_COLOR) for p in found]
    assert all(image is not None and image.shape == (360, 640, 3) for image in images)
    assert len({p for p in found}) == 3


def test_boxes_are_drawn_only_where_asked_for(
    server: Server, keys: Any, kiosk: Any, seen_note: Any
) -> None:
    kiosk.still.add("front")
    kiosk.notes = (seen_note(),)
    url = f"{server.url}api/v1/cameras/front/snapshot.jpg"
    plain, boxed = (
        httpx.get(url, params={"boxes": b}, headers=keys.header("view"), timeout=20)
        for b in ("false", "true")
    )
    assert plain.status_code == boxed.status_code == 200 and plain.content != boxed.content


def test_five_watch_and_one_of_them_never_reads(
    server: Server, keys: Any, kiosk: Any, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_S", 1.0)
    counts = [0] * 4

    def watch(place: int) -> None:
        url = f"{server.url}api/v1/cameras/front/stream.mjpg"
        with httpx.stream("GET", url, headers=keys.header("view"), timeout=20) as answer:
            for _ in parts(answer.iter_raw()):
                counts[place] += 1
                if counts[place] == 40:
                    return

    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", server.port))
        lazy.sendall(
            b"GET /api/v1/cameras/front/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n"
            + f"Authorization: {keys.header('view')['Authorization']}\r\n\r\n".encode()
        )
        threads = [threading.Thread(target=watch, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert counts == [40] * 4
        live = app.state.parts.live
        deadline = time.monotonic() + 30
        while live.count():  # the lazy one is let go, too
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_picture_is_encoded_once_for_all(
    server: Server, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgecnn_device.kiosk.web import live, render

    encoded: list[int] = []
    real = render.encode

    def counting(frame: LiveFrame, width: int, boxes: bool) -> bytes:
        encoded.append(frame.index)
        return real(frame, width, boxes)

    monkeypatch.setattr(live, "encode", counting)
    with contextlib.ExitStack() as stack:
        header = keys.header("view")
        lines = [
            stack.enter_context(line(server, "/cameras/front/live", additional_headers=header))
            for _ in range(3)
        ]
        for _ in range(5):
            for one in lines:
                assert json.loads(one.recv(timeout=15))["type"] == "frame"
                one.recv(timeout=15)
                one.send("next")
    assert len(encoded) == len(set(encoded))


def test_viewers_are_bounded(kiosk: Any, keys: Any) -> None:
    config = WebConfig(port=0, viewers=1)
    made = Server(create_app(kiosk, config, keys.store), config)
    made.start()
    header = keys.header("view")
    try:
        with line(made, "/cameras/front/live", additional_headers=header) as first:
            first.recv(timeout=15)
            snapshot = httpx.get(f"{made.url}api/v1/cameras/side/snapshot.jpg", headers=header)
            assert snapshot.status_code == 503 and snapshot.json()["error"]["code"] == "viewers"
            with (
                pytest.raises(InvalidStatus) as refused,
                line(made, "/cameras/side/live", additional_headers=header),
            ):
                pass
            assert refused.value.response.status_code == 503
    finally:
        made.stop()


def test_a_live_view_waits_until_it_is_asked(
    server: Server, keys: Any, kiosk: Any, seen_note: Any
) -> None:
    kiosk.notes = (seen_note(confidence=0.25),)
    with line(server, "/cameras/front/live", additional_headers=keys.header("view")) as live:
        frame = json.loads(live.recv(timeout=15))
        assert frame["width"] == 640 and frame["notes"][0]["confidence"] == 0.25
        data = live.recv(timeout=15)
        assert isinstance(data, bytes)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None and image.shape == (360, 640, 3)
        with pytest.raises(TimeoutError):
            live.recv(timeout=0.5)
        live.send("next")
        assert json.loads(live.recv(timeout=15))["index"] > frame["index"]


def test_a_stalled_camera_is_told(
    server: Server, keys: Any, kiosk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgecnn_device.kiosk.web import routes_cameras

    monkeypatch.setattr(routes_cameras, "_STILL_S", 0.2)
    kiosk.still.add("front")
    with line(server, "/cameras/front/live", additional_headers=keys.header("view")) as live:
        live.recv(timeout=15), live.recv(timeout=15)
        live.send("next")
        assert json.loads(live.recv(timeout=15)) == {"type": "still"}


@pytest.mark.parametrize("path", ["/events", "/cameras/front/live"])
@pytest.mark.parametrize(
    ("origin", "cookie", "status"),
    [
        ("http://evil.example", True, 403),
        ("null", True, 403),
        (None, True, 403),
        ("http://127.0.0.1:PORT", False, 401),
        ("http://evil.example", False, 401),
    ],
)
def test_a_websocket_from_a_foreign_page_is_refused(
    server: Server, keys: Any, path: str, origin: str | None, cookie: bool, status: int
) -> None:
    headers = {}
    if cookie:
        login = httpx.post(f"{server.url}api/v1/session", json={"token": keys.tokens["view"]})
        headers["Cookie"] = login.headers["Set-Cookie"].partition(";")[0]
    given = origin and origin.replace("PORT", str(server.port))
    with (
        pytest.raises(InvalidStatus) as refused,
        line(server, path, origin=given, additional_headers=headers),
    ):
        pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["message"]


def test_a_websocket_of_the_page_is_taken(
    server: Server, keys: Any, kiosk: Any, note_event: Any
) -> None:
    login = httpx.post(f"{server.url}api/v1/session", json={"token": keys.tokens["view"]})
    cookie = {"Cookie": login.headers["Set-Cookie"].partition(";")[0]}
    with line(server, "/events", origin=server.url.rstrip("/"), additional_headers=cookie) as live:
        wait_for(lambda: kiosk.events.subscriptions)
        kiosk.events.add(note_event("X1"))
        assert json.loads(live.recv(timeout=15))["event"]["body"]["serial"] == "X1"


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_catches_up_and_misses_nothing(
    server: Server, keys: Any, kiosk: Any, note_event: Any
) -> None:
    for i in range(600):
        kiosk.events.add(note_event(f"N{i}"))
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(0.002):
            kiosk.events.add(note_event())

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        with line(server, "/events?after=10", additional_headers=keys.header("view")) as live:
            got = [json.loads(live.recv(timeout=20))["event"]["sequence"] for _ in range(800)]
    finally:
        ended.set()
        thread.join()
    assert got == list(range(11, 811))


def test_a_client_is_told_of_what_is_too_old(
    server: Server, keys: Any, kiosk: Any, note_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_CAUGHT_UP", 5)
    for i in range(20):
        kiosk.events.add(note_event(f"N{i}"))
    with line(server, "/events?after=2", additional_headers=keys.header("view")) as live:
        assert json.loads(live.recv(timeout=15)) == {"type": "skipped", "after": 2, "until": 15}
        got = [json.loads(live.recv(timeout=15))["event"]["sequence"] for _ in range(5)]
    assert got == [16, 17, 18, 19, 20]


def test_events_that_a_subscription_lost_are_read_from_the_store(
    server: Server, keys: Any, kiosk: Any, note_event: Any
) -> None:
    with line(server, "/events", additional_headers=keys.header("view")) as live:
        wait_for(lambda: kiosk.events.subscriptions)
        kiosk.events.add(note_event("A"))
        lost, kiosk.events.subscriptions = kiosk.events.subscriptions, []
        kiosk.events.add(note_event("B"))
        kiosk.events.subscriptions = lost
        kiosk.events.add(note_event("C"))
        got = [json.loads(live.recv(timeout=15))["event"]["body"]["serial"] for _ in range(3)]
    assert got == ["A", "B", "C"]


def test_a_quiet_line_beats(server: Server, keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_events, "HEARTBEAT_S", 0.1)
    with line(server, "/events", additional_headers=keys.header("view")) as live:
        assert json.loads(live.recv(timeout=15)) == {"type": "heartbeat"}


@pytest.mark.parametrize("after", ["x", "-1", "1.5", str(2**63), "9" * 5000, "%EF%BC%91"])
def test_a_number_that_is_none_is_refused(server: Server, keys: Any, after: str) -> None:
    path = f"/events?after={after}"
    with (
        pytest.raises(InvalidStatus) as refused,
        line(server, path, additional_headers=keys.header("view")),
    ):
        pass
    assert refused.value.response.status_code == 422


def test_a_client_that_does_not_read_is_closed_with_a_code(
    server: Server, keys: Any, kiosk: Any, note_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_S", 0.5)
    monkeypatch.setattr(protocol, "CLOSE_S", 20.0)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        with line(
            server,
            "/events",
            sock=slow,
            additional_headers=keys.header("view"),
            max_queue=1,
            ping_interval=None,
        ) as live:
            wait_for(lambda: kiosk.events.subscriptions)
            for _ in range(30):
                kiosk.events.add(note_event("S" * 40000))
            time.sleep(2)
            assert code_of(live) == 1013


def test_a_client_that_lags_is_closed_with_a_code(
    server: Server, keys: Any, kiosk: Any, note_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_QUEUE", 3)
    with line(server, "/events", additional_headers=keys.header("view")) as live:
        wait_for(lambda: kiosk.events.subscriptions)
        for _ in range(3000):
            kiosk.events.add(note_event())
        assert code_of(live) == 1013


@pytest.mark.parametrize("path", ["/events", "/cameras/front/live"])
def test_a_revoked_token_ends_its_lines(server: Server, keys: Any, path: str) -> None:
    with line(server, path, additional_headers=keys.header("view")) as live:
        if "live" in path:
            live.recv(timeout=15), live.recv(timeout=15)
            live.send("next")
        keys.store.revoke(keys.tokens["view"].split("_")[1])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                live.recv(timeout=15)
                live.send("next")
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code == 4401
                return
        pytest.fail("the line goes on")


def test_a_stop_ends_all_that_lasts(
    server: Server, keys: Any, threads_end: Callable[[], None]
) -> None:
    header = keys.header("view")
    url = f"{server.url}api/v1/cameras/side/stream.mjpg"
    with (
        line(server, "/events", additional_headers=header) as events,
        line(server, "/cameras/front/live", additional_headers=header) as live,
        httpx.stream("GET", url, headers=header, timeout=20) as mjpeg,
    ):
        live.recv(timeout=15)
        began = time.monotonic()
        server.stop()
        assert not server.alive and time.monotonic() - began < 5
        assert code_of(events) == 1012
        with contextlib.suppress(httpx.HTTPError):
            for _ in mjpeg.iter_raw():
                pass
    threads_end()
