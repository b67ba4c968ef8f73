"""Events, a store in a folder whose clock the test sets, and a target that does as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import Event, Kind, NoteSeen
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store import SteadyClock, Store
from edgecnn_device.kiosk.store.target import DELIVERED, Outcome

QUAD = ((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0))


@dataclass
class Clocks:
    """The clocks of a machine, set by the test."""

    wall: float = 1_800_000_000.0
    monotonic: float = 0.0
    synchronized: bool = True

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.monotonic, lambda: self.synchronized)

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@dataclass
class ScriptedTarget:
    """Takes events, with the outcomes it is given first."""

    outcomes: list[Outcome] = field(default_factory=list)
    kinds: tuple[Kind, ...] = ("note", "camera", "system")
    key: str = "scripted"
    taken: list[StoredEvent] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    closed: bool = False
    away: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return self.key

    def deliver(self, event: StoredEvent) -> Outcome:
        self.attempts.append(event.event.id)
        if self.away.is_set():
            return Outcome("later", "away")
        outcome = self.outcomes.pop(0) if self.outcomes else DELIVERED
        if outcome is DELIVERED:
            self.taken.append(event)
        return outcome

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def target() -> ScriptedTarget:
    return ScriptedTarget()


@pytest.fixture
def make_target() -> type[ScriptedTarget]:
    return ScriptedTarget


@pytest.fixture
def note(clocks: Clocks) -> Callable[..., Event]:
    """Makes an event of a note."""

    def make(serial: str = "AB1234567C", camera: str = "front", at: float | None = None,
             synchronized: bool = True) -> Event:  # fmt: skip
        body = NoteSeen("KRW", serial, 0.98, "", 5, QUAD)
        return Event(body, camera, clocks.wall if at is None else at, synchronized, 0.2)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.fixture
def config() -> StorageConfig:
    return StorageConfig(free_mb=0, retention=RetentionConfig(thumbnails=10))


@pytest.fixture
def open_store(
    folder: Path, config: StorageConfig, clocks: Clocks
) -> Iterator[Callable[..., Store]]:
    """Opens the store; all are closed at the end."""
    opened: list[Store] = []

    def open(
        config: StorageConfig = config, sweep_s: float = 600.0, folder: Path = folder
    ) -> Store:
        opened.append(Store.open(folder, config, clocks.steady(), sweep_s))
        return opened[-1]

    yield open
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for something to become true."""

    def wait(true: Callable[[], object], limit_s: float = 20.0) -> None:
        deadline = time.monotonic() + limit_s
        while not true():
            assert time.monotonic() < deadline, "it did not come in time"
            time.sleep(0.01)

    return wait
