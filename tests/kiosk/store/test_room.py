"""The quota holds: pictures go first, then delivered events, and never what is owed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import Event, NoteSeen
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store

Make = Callable[..., Event]
KEPT = RetentionConfig(thumbnails=10)
MB = 1_000_000


def _config(quota_kb: int) -> StorageConfig:
    """Return a quota smaller than the configuration allows: tests are to be quick."""
    config = StorageConfig(free_mb=0, retention=KEPT)
    return config.model_copy(update={"quota_mb": quota_kb / 1000})


def _long(at: float) -> Event:
    """Return an event of 20 KB."""
    return Event(NoteSeen(None, None, 0.0, "x" * 20_000, 1, ()), "front", at, True)


def _sweep(store: Store) -> None:
    store._sweeper.sweep(store._keeper._stop_asked, 0.0)


def test_pictures_go_first_and_the_oldest_of_them(
    open_store: Callable[..., Store], note: Make, folder: Path
) -> None:
    store = open_store(_config(6000))
    for i in range(300):
        store.add(note(str(i)), bytes(30_000))
    _sweep(store)
    pictured = [event.sequence for event in store.find(EventQuery(limit=500)) if event.thumbnail]
    assert len(store.find(EventQuery(limit=500))) == 300
    assert 0 < len(pictured) < 300 and pictured == list(range(300, 300 - len(pictured), -1))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6.2 * MB


def test_then_the_oldest_events_that_nobody_is_owed(
    open_store: Callable[..., Store], clocks: Any, folder: Path
) -> None:
    store = open_store(_config(3000))
    for _ in range(300):
        store.add(_long(clocks.wall))
    _sweep(store)
    left = [event.sequence for event in store.find(EventQuery(limit=500))]
    assert 0 < len(left) < 300 and left == list(range(300, 300 - len(left), -1))
    assert store.status().removed == 300 - len(left)
    assert store.status().bytes < 3 * MB


def test_what_is_owed_stays_and_no_more_is_taken_until_it_is_delivered(
    open_store: Callable[..., Store], clocks: Any, until: Callable[..., None]
) -> None:
    store = open_store(_config(2000), 0.05)
    store.ledger.register({"broker": ("note",)})
    while store.add(_long(clocks.wall)):
        pass
    assert "full of events that are not delivered" in store.status().reason
    numbers = [event.sequence for event in store.find(EventQuery(limit=500))]
    assert numbers == list(range(numbers[0], 0, -1)) and numbers[0] > 30
    assert store.ledger.undelivered() == numbers[0]
    store.ledger.settle("broker", "note", numbers[0])
    until(lambda: store.find(EventQuery(kinds=("system",))))
    assert store.find(EventQuery(kinds=("note",)))[0].sequence > numbers[0]
    assert "1 events waited" in str(store.find(EventQuery(kinds=("system",))))


def test_a_disk_that_others_fill_is_left_its_room(
    open_store: Callable[..., Store], note: Make
) -> None:
    store = open_store(StorageConfig(free_mb=1_000_000, retention=KEPT))
    assert store.add(note()) is None
    assert "MB are free on the disk" in store.status().reason
    store.configure(StorageConfig(free_mb=0))
    store.close()
    assert store.status().waiting == 0


def test_no_acknowledged_event_goes_because_others_fill_the_disk(
    open_store: Callable[..., Store], note: Make
) -> None:
    store = open_store(StorageConfig(free_mb=0, retention=KEPT))
    kept = [store.add(note(str(i)), bytes(1000)) for i in range(5)]
    store.configure(StorageConfig(free_mb=1_000_000, retention=KEPT))
    _sweep(store)
    found = store.find(EventQuery())
    assert {e.sequence for e in found} == {e.sequence for e in kept if e}
    assert not any(e.thumbnail for e in found) and store.status().removed == 0


@pytest.mark.parametrize("kinds", [(), ("camera",)])
def test_events_that_no_target_wants_may_go(
    open_store: Callable[..., Store], clocks: Any, kinds: tuple[str, ...]
) -> None:
    store = open_store(_config(1500))
    store.ledger.register({"broker": kinds} if kinds else {})  # type: ignore[dict-item]
    for _ in range(150):
        store.add(_long(clocks.wall))
    _sweep(store)
    assert store.status().removed > 0 and store.status().bytes < 1.5 * MB
