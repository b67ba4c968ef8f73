"""Events come out as they went in, by number, kind and camera, and to who subscribed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecnn.errors import InputError, StorageError
from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import (
    Body,
    CameraChanged,
    Event,
    FaceSeen,
    NoteSeen,
    SystemChanged,
)
from edgecnn_device.kiosk.ports import EventLog, EventQuery
from edgecnn_device.kiosk.store import Store

Make = Callable[..., Event]
BODIES: list[Body] = [
    NoteSeen("RUB", "ах 1234567", 0.5, "", 3, ((0.0, 0.1),) * 4),
    NoteSeen(None, None, 0.0, "too few looks", 1, ((0.0, 0.1),) * 4),
    FaceSeen("김철수 'or'", 1e-4, ""),
    FaceSeen(None, 1e-4, "turned away", claimed="ann"),
    CameraChanged("backoff", "no frame for 5 s"),
    SystemChanged("started", ""),
]


@pytest.mark.parametrize("body", BODIES)
def test_what_went_in_comes_out(open_store: Callable[..., Store], body: Body) -> None:
    event = Event(body, "front", 1700000000.123456, False, 0.25)
    stored = open_store().add(event)
    assert stored and stored.event == event and stored.sequence == 1


def test_events_survive_closing(open_store: Callable[..., Store], note: Make) -> None:
    first = open_store()
    events = [first.add(note(str(i))) for i in range(3)]
    first.close()
    assert open_store().find(EventQuery()) == events[::-1]


def test_the_store_is_what_the_web_asks_for(store: Store) -> None:
    log: EventLog = store
    assert log.find(EventQuery()) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (EventQuery(), [8, 7, 6, 5, 4, 3, 2, 1]),
        (EventQuery(limit=2), [8, 7]),
        (EventQuery(before=4, limit=2), [3, 2]),
        (EventQuery(kinds=("note",)), [7, 5, 3, 1]),
        (EventQuery(kinds=("note", "camera"), limit=3), [8, 7, 6]),
        (EventQuery(kinds=("note", "note"), before=7), [5, 3, 1]),
        (EventQuery(camera="back"), [4, 3]),
        (EventQuery(camera="back", kinds=("camera",)), [4]),
        (EventQuery(kinds=("face",)), []),
        (EventQuery(camera="'; DROP TABLE events"), []),
    ],
)
def test_it_finds_by_kind_camera_and_number(
    store: Store, note: Make, query: EventQuery, expected: list[int]
) -> None:
    for camera in ("front", "back", "front", "front"):
        store.add(note(camera=camera))
        store.add(Event(CameraChanged("live", ""), camera, 0.0, True))
    assert [found.sequence for found in store.find(query)] == expected


@pytest.mark.parametrize("limit", [0, 501, -1])
def test_a_limit_out_of_bounds_is_refused(store: Store, limit: int) -> None:
    with pytest.raises(InputError, match=r"expected 1\.\.500"):
        store.find(EventQuery(limit=limit))


@pytest.mark.parametrize(
    "event",
    [
        Event(NoteSeen(None, None, float("nan"), "", 1, ()), "front", 0.0, True),
        Event(SystemChanged("started", ""), "", float("inf"), True),
        Event(SystemChanged("started", "\ud800"), "", 0.0, True),
    ],
)
def test_what_can_never_be_stored_is_refused_and_does_not_wait(store: Store, event: Event) -> None:
    with pytest.raises(InputError, match="expected"):
        store.add(event)
    assert store.status().waiting == 0


def test_the_same_event_is_stored_once(store: Store, note: Make) -> None:
    event = note()
    assert store.add(event) == store.add(event)
    assert len(store.find(EventQuery())) == 1


def test_a_picture_is_kept_of_notes_alone(store: Store, note: Make) -> None:
    face = Event(FaceSeen("ann", 1e-4, ""), "front", 0.0, True)
    stored = [store.add(note(), b"jpeg"), store.add(face, b"face"), store.add(note())]
    assert [event and event.thumbnail for event in stored] == [True, False, False]
    assert [store.thumbnail(n) for n in (1, 2, 3, 4)] == [b"jpeg", None, None, None]
    assert [event.thumbnail for event in store.find(EventQuery())] == [False, False, True]


def test_no_picture_is_kept_without_retention(open_store: Any, note: Make) -> None:
    store = open_store(StorageConfig(free_mb=0))
    assert not store.add(note(), b"jpeg").thumbnail
    assert store.thumbnail(1) is None


def test_files_are_private(store: Store, note: Make, folder: Path) -> None:
    store.add(note(), b"jpeg")
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes.values()) == {0o600} and "events.db-wal" in modes


def test_a_second_daemon_is_refused(store: Store, open_store: Callable[..., Store]) -> None:
    with pytest.raises(StorageError, match="another daemon"):
        open_store()


def test_a_newer_version_is_refused(open_store: Callable[..., Store], folder: Path) -> None:
    open_store().close()
    connection = sqlite3.connect(folder / "events.db")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StorageError, match="of version 9"):
        open_store()
    assert not list(folder.glob("*damaged*"))


def test_subscribers_are_told_in_order(store: Store, note: Make) -> None:
    subscription = store.subscribe()
    stored = [store.add(note(str(i))) for i in range(5)]
    assert [subscription.next(1.0) for _ in range(5)] == stored
    assert subscription.next(0.01) is None
    subscription.close()


def test_a_slow_subscriber_loses_the_oldest_and_holds_up_nobody(store: Store, note: Make) -> None:
    slow, fast = store.subscribe(3), store.subscribe()
    for i in range(10):
        store.add(note(str(i)))
    assert slow.lost == 7 and fast.lost == 0
    numbers = [event.sequence for _ in range(3) if (event := slow.next(1.0))]
    assert numbers == [8, 9, 10]


@pytest.mark.parametrize("end", ["subscription", "store"])
def test_a_waiting_subscriber_ends_at_once(store: Store, end: str) -> None:
    subscription = store.subscribe()
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(subscription.next(60.0)))
    thread.start()
    (subscription if end == "subscription" else store).close()
    thread.join(10.0)
    assert answers == [None]


def test_many_threads_add_and_find(store: Store, note: Make) -> None:
    def work(worker: int) -> None:
        for i in range(20):
            store.add(note(f"{worker}-{i}"), b"jpeg")
            store.find(EventQuery(limit=5))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.find(EventQuery(limit=500))
    assert [event.sequence for event in found] == list(range(80, 0, -1))
    assert all(event.thumbnail for event in found)


def test_numbers_go_on_when_everything_was_deleted(
    open_store: Callable[..., Store], note: Make, clocks: Any
) -> None:
    store = open_store(StorageConfig(free_mb=0, retention=RetentionConfig(note=1)), 0.02)
    store.add(note())
    clocks.run(2 * 86400.0)
    while store.find(EventQuery()):
        clocks.run(60.0)
        os.sched_yield()
    assert (stored := store.add(note())) and stored.sequence == 2
