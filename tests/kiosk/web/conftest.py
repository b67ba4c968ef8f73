"""A kiosk that is made up, behind the real web half, and clients for it."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("fastapi", reason="the extra kiosk is not installed")
pytest.importorskip("httpx2", reason="httpx2 is not installed (the test client of FastAPI)")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from edgecnn.errors import BundleError, FaceError, InputError, LockedError
from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.events import Body, Event, FaceSeen, NoteSeen
from edgecnn_device.kiosk.ports import (
    CameraStatus,
    EnrolResult,
    EventQuery,
    FaceAnswer,
    Health,
    LiveFrame,
    ModelStatus,
    PersonRow,
    SeenFace,
    SeenNote,
    StoredEvent,
)
from edgecnn_device.kiosk.web import Limits, Rate, Role, Server, TokenStore, create_app

RATE = 12.0
SIZE = (640, 360)
QUAD = ((100.0, 100.0), (500.0, 110.0), (495.0, 280.0), (105.0, 270.0))
MANY = Limits(Rate(1e6, 1e6), Rate(1e6, 1e6), Rate(1e6, 1e6))


class FakeSubscription:
    def __init__(self, log: FakeLog) -> None:
        self.queue: queue.Queue[StoredEvent] = queue.Queue(1000)
        self._log = log

    def next(self, timeout_s: float) -> StoredEvent | None:
        try:
            return self.queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._log.subscriptions.remove(self)


class FakeLog:
    def __init__(self) -> None:
        self.kept: list[StoredEvent] = []
        self.thumbnails: dict[int, bytes] = {}
        self.subscriptions: list[FakeSubscription] = []

    def add(self, body: Body, thumbnail: bytes | None = None) -> StoredEvent:
        stored = StoredEvent(
            len(self.kept) + 1, Event(body, "front", time.time(), True), thumbnail is not None
        )
        self.kept.append(stored)
        if thumbnail is not None:
            self.thumbnails[stored.sequence] = thumbnail
        for subscription in list(self.subscriptions):
            subscription.queue.put(stored)
        return stored

    def find(self, query: EventQuery) -> Sequence[StoredEvent]:
        found = [
            e
            for e in reversed(self.kept)
            if (not query.kinds or e.event.kind in query.kinds)
            and query.camera in (None, e.event.camera)
            and (query.before is None or e.sequence < query.before)
        ]
        return found[: query.limit]

    def thumbnail(self, sequence: int) -> bytes | None:
        return self.thumbnails.get(sequence)

    def subscribe(self) -> FakeSubscription:
        subscription = FakeSubscription(self)
        self.subscriptions.append(subscription)
        return subscription


class FakePeople:
    def __init__(self) -> None:
        self.rows: dict[str, PersonRow] = {}
        self.pictures: list[tuple[str, bytes]] = []
        self.locked: float | None = None
        self.unlocked: list[str | None] = []
        self.hold = threading.Event()
        self.hold.set()

    def list(self) -> Sequence[PersonRow]:
        return tuple(self.rows[name] for name in sorted(self.rows))

    def enrol(self, person: str, pictures: Sequence[tuple[str, bytes]]) -> EnrolResult:
        self.pictures += pictures
        bad = [(name, "no face in it") for name, data in pictures if b"EMPTY" in data]
        if len(bad) == len(pictures):
            raise FaceError("no face in any picture")
        count = (
            len(pictures) - len(bad) + (self.rows[person].pictures if person in self.rows else 0)
        )
        self.rows[person] = PersonRow(person, count, True)
        return EnrolResult(person, count, tuple(bad))

    def enrol_live(self, person: str, camera: str) -> EnrolResult:
        return self.enrol(person, [(camera, b"live")])

    def verify(self, person: str, camera: str, timeout_s: float) -> FaceAnswer:
        self.hold.wait(timeout_s)
        if self.locked is not None:
            raise LockedError("too many attempts failed: wait", self.locked)
        match = person in self.rows
        return FaceAnswer(person if match else None, match, 1e-4, "" if match else "no face came")

    def identify(self, camera: str, timeout_s: float) -> FaceAnswer:
        found = next(iter(self.rows), None)
        return FaceAnswer(found, found is not None, 1e-4, "" if found else "nobody is near enough")

    def delete(self, person: str) -> bool:
        return self.rows.pop(person, None) is not None

    def export(self, person: str) -> bytes:
        return json.dumps({"person": person}, ensure_ascii=False).encode()

    def unlock(self, person: str | None) -> None:
        self.unlocked.append(person)


class FakeKiosk:
    """Its cameras show a bar that moves; what they "see" is set by the test."""

    def __init__(self) -> None:
        self.name = "till-1"
        self.people: FakePeople | None = FakePeople()
        self.events = FakeLog()
        self.notes: tuple[SeenNote, ...] = ()
        self.faces: tuple[SeenFace, ...] = ()
        self.states = {"front": "live", "side": "live"}
        self.still: set[str] = set()
        self.alive = True
        self.asked: list[tuple[str, str]] = []
        self._began = time.monotonic()

    def cameras(self) -> Sequence[CameraStatus]:
        return tuple(
            CameraStatus(name, state, "", 100, 90, 10, RATE, 1)  # type: ignore[arg-type]
            for name, state in self.states.items()
        )

    def health(self) -> Health:
        model = ModelStatus("serial-reader", "reader", "ab" * 32, "tflite-int8", True, "Apache-2.0")
        reasons = () if self.alive else ("the reading stage does not move",)
        return Health(
            self.alive, self.alive, reasons, 61.0, True, tuple(self.cameras()), (model,), 0
        )

    def live(self, camera: str, after: int, timeout_s: float) -> LiveFrame | None:
        if camera not in self.states:
            raise InputError(f"no camera {camera}")
        deadline = time.monotonic() + timeout_s
        while (index := self._index(camera)) <= after:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.005)
        return LiveFrame(camera, index, picture(index), self.notes, self.faces, 0.02)

    def _index(self, camera: str) -> int:
        return 0 if camera in self.still else int((time.monotonic() - self._began) * RATE)

    def metrics(self) -> bytes:
        return b"# TYPE kiosk_frames_total counter\nkiosk_frames_total 1.0\n"

    def diagnose(self) -> bytes:
        return b"PK\x05\x06" + b"\0" * 18

    def set_bundle(self, role: str, path: str) -> ModelStatus:
        self.asked.append((role, path))
        if "good" not in path:
            raise BundleError(f"{path}: no such bundle")
        return replace(self.health().models[0], name="good")


def picture(index: int) -> NDArray[np.uint8]:
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    at = index * 8 % (SIZE[0] - 40)
    image[:, at : at + 40] = (60, 200, 240)
    return image


def note(text: str = "AB1234567C", confidence: float = 0.6, sure: bool = False) -> SeenNote:
    return SeenNote(7, QUAD, text, "USD", confidence, 3, sure)


@pytest.fixture
def seen_note() -> Callable[..., SeenNote]:
    return note


@pytest.fixture
def note_event() -> Callable[..., NoteSeen]:
    return lambda serial="AB1234567C": NoteSeen("USD", serial, 0.99, "", 8, QUAD)


@pytest.fixture
def face_event() -> FaceSeen:
    return FaceSeen("Ann Example", 1e-4, "")


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", picture(3))[1].tobytes())


@pytest.fixture
def kiosk() -> FakeKiosk:
    return FakeKiosk()


@dataclass(frozen=True)
class Keys:
    store: TokenStore
    tokens: dict[Role, str]

    def header(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    store = TokenStore(tmp_path)
    roles: tuple[Role, ...] = ("view", "operate", "admin")
    return Keys(store, {role: store.add(role)[1] for role in roles})


@pytest.fixture
def config() -> WebConfig:
    return WebConfig(port=0, live_rate=12, viewers=8)


@pytest.fixture
def app(kiosk: FakeKiosk, config: WebConfig, keys: Keys, tmp_path: Path) -> Iterator[FastAPI]:
    made = create_app(kiosk, config, keys.store, limits=MANY, bundles=tmp_path)
    yield made
    made.state.parts.close()


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """Without a token, and outside of a browser."""
    return TestClient(app, base_url="http://127.0.0.1:8460", raise_server_exceptions=False)


@pytest.fixture
def server(app: FastAPI, config: WebConfig) -> Iterator[Server]:
    made = Server(app, config)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def threads_end() -> Callable[[], None]:
    """Waits until no thread of the web half is left."""

    def wait() -> None:
        deadline = time.monotonic() + 10
        while names := [t.name for t in threading.enumerate() if t.name.startswith("kiosk-")]:
            assert time.monotonic() < deadline, names
            time.sleep(0.02)

    return wait
