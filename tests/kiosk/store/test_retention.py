"""What is over its time goes, by clocks that can be believed, and nothing else does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import Event, SystemChanged
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store
from edgecnn_device.kiosk.store.retention import BATCH

Make = Callable[..., Event]
DAY = 86400.0
CONFIG = StorageConfig(
    free_mb=0, retention=RetentionConfig(note=10, system=100, camera=10, thumbnails=3)
)


def _sweep(store: Store, clocks: Any, settle_s: float = 700.0) -> list[str]:
    """Sweep with a clock that has run so long; returns the serials that are left, oldest first."""
    store._sweeper.sweep(store._keeper._stop_asked)
    clocks.run(settle_s)
    store._sweeper.sweep(store._keeper._stop_asked)
    left = store.find(EventQuery(kinds=("note",), limit=500))
    return [str(getattr(event.event.body, "serial", None)) for event in left][::-1]


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store(CONFIG)


def test_each_kind_goes_after_its_days(store: Store, note: Make, clocks: Any) -> None:
    store.add(note("old", at=clocks.wall - 11 * DAY), b"jpeg")
    store.add(note("new", at=clocks.wall - 9 * DAY), b"jpeg")
    store.add(Event(SystemChanged("started", ""), "", clocks.wall - 11 * DAY, True))
    assert _sweep(store, clocks) == ["new"]
    assert [event.sequence for event in store.find(EventQuery())] == [3, 2]
    assert store.status().expired == 1


def test_pictures_go_before_their_events(store: Store, note: Make, clocks: Any) -> None:
    store.add(note("old", at=clocks.wall - 4 * DAY), b"jpeg")
    store.add(note("new", at=clocks.wall - 2 * DAY), b"jpeg")
    assert _sweep(store, clocks) == ["old", "new"]
    assert (store.thumbnail(1), store.thumbnail(2)) == (None, b"jpeg")


@pytest.mark.parametrize("wall", [0.0, 2_208_988_800.0])  # 1970, 2040
def test_a_clock_that_is_not_synchronized_deletes_nothing(
    store: Store, note: Make, clocks: Any, wall: float
) -> None:
    store.add(note("one"))
    clocks.wall, clocks.synchronized = wall, False
    assert _sweep(store, clocks, 90 * DAY) == ["one"]


def test_a_clock_that_jumps_deletes_nothing_until_it_stood_for_ten_minutes(
    store: Store, note: Make, clocks: Any
) -> None:
    store.add(note("one"))
    assert _sweep(store, clocks) == ["one"]
    clocks.wall += 15 * 365 * DAY
    assert _sweep(store, clocks, 500.0) == ["one"]
    clocks.wall -= 15 * 365 * DAY
    assert _sweep(store, clocks) == ["one"]
    clocks.wall += 11 * DAY
    assert _sweep(store, clocks) == []


def test_it_waits_ten_minutes_after_the_start(store: Store, note: Make, clocks: Any) -> None:
    store.add(note("old", at=clocks.wall - 11 * DAY))
    assert _sweep(store, clocks, 500.0) == ["old"]
    assert _sweep(store, clocks, 200.0) == []


def test_an_event_of_1970_goes_with_a_later_one_that_is_old(
    store: Store, note: Make, clocks: Any
) -> None:
    store.add(note("1970", at=5.0, synchronized=False))
    store.add(note("old", at=clocks.wall - 11 * DAY))
    store.add(note("1970 again", at=7.0, synchronized=False))
    store.add(note("new"))
    assert _sweep(store, clocks) == ["1970 again", "new"]


def test_an_event_of_the_future_goes_with_a_later_one_that_is_old(
    store: Store, note: Make, clocks: Any
) -> None:
    store.add(note("2040", at=clocks.wall + 5000 * DAY))
    store.add(note("old", at=clocks.wall - 11 * DAY))
    store.add(note("2041", at=clocks.wall + 5400 * DAY))
    assert _sweep(store, clocks) == ["2041"]


def test_an_event_stays_though_an_older_number_is_gone(
    store: Store, note: Make, clocks: Any
) -> None:
    store.add(note("young", at=clocks.wall - 9 * DAY))
    store.add(note("old", at=clocks.wall - 11 * DAY))
    assert _sweep(store, clocks) == ["young"]


def test_more_than_a_batch_goes_in_one_sweep(store: Store, note: Make, clocks: Any) -> None:
    for i in range(BATCH + 50):
        store.add(note(str(i), at=clocks.wall - 11 * DAY))
    store.add(note("new"))
    assert _sweep(store, clocks) == ["new"]


def test_age_counts_though_a_target_was_away(store: Store, note: Make, clocks: Any) -> None:
    store.ledger.register({"broker": ("note",)})
    store.add(note("old", at=clocks.wall - 11 * DAY))
    store.add(note("new"))
    assert _sweep(store, clocks) == ["new"]
    assert store.status().expired_undelivered == 1
    assert store.ledger.undelivered() == 1


def test_nothing_of_what_was_deleted_is_left_in_the_files(
    store: Store, note: Make, clocks: Any, folder: Path
) -> None:
    store.add(note("ZZ7654321Y", at=clocks.wall - 11 * DAY), b"a-picture-of-it")
    before = b"".join(path.read_bytes() for path in folder.iterdir())
    assert _sweep(store, clocks) == []
    after = b"".join(path.read_bytes() for path in folder.iterdir())
    for secret in (b"ZZ7654321Y", b"a-picture-of-it"):
        assert secret in before and secret not in after


def test_damaged_files_that_were_set_aside_go_at_last(
    open_store: Callable[..., Store], folder: Path, clocks: Any
) -> None:
    open_store(CONFIG).close()
    (folder / "events.db").write_bytes(b"text" * 9999)
    store = open_store(CONFIG)
    clocks.wall = (aside := next(folder.glob("events.db.damaged-*"))).stat().st_mtime
    _sweep(store, clocks)
    assert aside.exists()
    clocks.run(101 * DAY)
    _sweep(store, clocks)
    assert not aside.exists()


def test_a_sweep_gives_the_disk_its_room_back(
    open_store: Callable[..., Store], note: Make, clocks: Any, folder: Path
) -> None:
    store = open_store(CONFIG)
    for i in range(200):
        store.add(note(str(i), at=clocks.wall - 4 * DAY), bytes(20_000))
    _sweep(store, clocks)
    assert (folder / "thumbnails.db").stat().st_size < 1_200_000  # of 4 MB
    with sqlite3.connect(folder / "thumbnails.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
