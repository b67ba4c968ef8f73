"""Locked, full, read-only, damaged: said plainly, nothing lost that was acknowledged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.errors import StorageError
from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.events import Event
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store
from edgecnn_device.kiosk.store.damage import check
from edgecnn_device.kiosk.store.spool import Spool

Make = Callable[..., Event]
NOBODY = 65534


def _ids(store: Store, kind: str = "note") -> list[str]:
    return [e.event.id for e in store.find(EventQuery(kinds=(kind,), limit=500))][::-1]  # type: ignore[arg-type]


def _details(store: Store) -> list[str]:
    found = store.find(EventQuery(kinds=("system",)))
    return [event.event.body.detail for event in found][::-1]  # type: ignore[union-attr]


def test_events_wait_while_another_process_locks_the_file(
    store: Store, folder: Path, note: Make, until: Callable[..., None]
) -> None:
    events = [note(str(i)) for i in range(6)]
    assert store.add(events[0])
    told = store.subscribe()
    holder = sqlite3.connect(folder / "events.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert [store.add(event) for event in events[1:]] == [None] * 5
    assert "locked" in store.status().reason and store.status().waiting == 5
    assert _ids(store) == [events[0].id]  # reading goes on
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: _details(store))
    assert _ids(store) == [event.id for event in events]
    assert [event.event for _ in range(5) if (event := told.next(5.0))] == events[1:]
    assert "5 events waited" in _details(store)[0] and "locked" in _details(store)[0]


def test_a_full_spool_loses_the_oldest_and_counts_it(note: Make) -> None:
    spool, events = Spool(most=3), [note(str(i)) for i in range(5)]
    for event in events:
        spool.put(event, "no room")
    assert spool.oldest(9) == events[2:] and spool.lost == 2
    assert spool.written(events[2:4]) == ""
    assert "3 events waited" in (said := spool.written(events[4:])) and "2 were lost" in said


def test_what_waits_at_the_end_is_said_to_be_lost(
    store: Store, folder: Path, note: Make, caplog: pytest.LogCaptureFixture
) -> None:
    holder = sqlite3.connect(folder / "events.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    store.add(note())
    store.close()
    holder.close()
    assert store.status().lost == 1 and "1 events were never written" in caplog.text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 600 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk takes root's rights")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    open_store: Callable[..., Store], small_disk: Path, note: Make, until: Callable[..., None]
) -> None:
    store = open_store(StorageConfig(free_mb=0), folder=small_disk / "events")
    store.ledger.register({"broker": ("note", "system")})  # so that nothing may be deleted
    acknowledged: list[str] = []
    waiting: list[str] = []
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(150_000))
    while not waiting:
        event = note("x" * 1000)
        (acknowledged if store.add(event) else waiting).append(event.id)
    waiting += [event.id for _ in range(3) if not store.add(event := note())]
    assert len(waiting) == 4 and len(acknowledged) > 5
    assert _ids(store) == acknowledged
    (small_disk / "ballast").unlink()
    until(lambda: not store.status().reason)
    assert _ids(store) == acknowledged + waiting
    store.close()
    assert _ids(open_store(StorageConfig(free_mb=0), folder=small_disk / "events")) == (
        acknowledged + waiting
    )


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Gives a folder to an account that may not write everywhere, as root may, and becomes it."""
    above = [tmp_path, *tmp_path.parents[:2]]
    modes = [folder.stat().st_mode for folder in above]

    def become(folder: Path) -> None:
        if os.getuid() == 0:
            for path in above:
                path.chmod(0o755)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.seteuid(NOBODY)

    yield become
    os.seteuid(os.getuid())
    for path, mode in zip(above, modes, strict=True):
        path.chmod(mode)


def test_a_read_only_file_is_refused_at_the_start(
    open_store: Callable[..., Store], folder: Path, nobody: Callable[[Path], None]
) -> None:
    open_store().close()
    (folder / "events.db").chmod(0o400)
    nobody(folder)
    with pytest.raises(StorageError, match=r"events\.db: is read-only"):
        open_store()


def test_events_wait_while_the_file_cannot_be_written(
    store: Store, note: Make, until: Callable[..., None]
) -> None:
    store.add(note("first"))
    with store._connections.durable() as database:  # as after a remount of the medium
        database.rows("PRAGMA query_only = ON")
    assert store.add(note("second")) is None
    assert "read-only" in store.status().reason
    with store._connections.durable() as database:
        database.rows("PRAGMA query_only = OFF")
    until(lambda: not store.status().reason)
    assert len(_ids(store)) == 2


def _flip_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    page = 4096 * (len(content) // 4096 // 2)
    content[page : page + 4096] = np.random.default_rng(0).bytes(4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [
        _flip_page,
        lambda path: path.write_bytes(b"text" * 9999),
        lambda path: path.write_bytes(path.read_bytes()[: 4096 * 3]),
    ],
)
def test_a_damaged_file_is_set_aside_at_the_start_and_an_event_says_so(
    open_store: Callable[..., Store], folder: Path, note: Make, harm: Callable[[Path], None]
) -> None:
    store = open_store()
    for i in range(100):
        store.add(note(str(i)))
    store.close()
    harm(folder / "events.db")
    damaged = (folder / "events.db").read_bytes()
    store = open_store()
    (aside,) = folder.glob("events.db.damaged-*")
    assert aside.read_bytes() == damaged and aside.stat().st_mode & 0o777 == 0o600
    (said,) = _details(store)
    assert f"set aside as {aside.name}" in said
    assert (stored := store.add(note())) and _ids(store) == [stored.event.id]


def test_numbers_go_on_after_a_flipped_page(
    open_store: Callable[..., Store], folder: Path, note: Make
) -> None:
    store = open_store()
    for i in range(100):
        store.add(note(str(i)))
    store.close()
    _flip_page(folder / "events.db")
    assert (stored := open_store().add(note())) and stored.sequence == 102


def test_damage_that_is_met_at_work_costs_no_new_event(
    store: Store, folder: Path, note: Make, until: Callable[..., None]
) -> None:
    for i in range(100):
        store.add(note(str(i)))
    with store._connections.lazy() as database:
        database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray((folder / "events.db").read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = bytes(100)
    with (folder / "events.db").open("r+b") as file:
        file.write(content)
        file.flush()
    with store._connections.lazy() as database:
        database.rows("PRAGMA cache_size = 0")
    event = note("after")
    store.add(event)
    until(lambda: list(folder.glob("events.db.damaged-*")) and not store.status().reason)
    assert _ids(store) == [event.id]
    assert any("set aside" in detail for detail in _details(store))


def test_a_damaged_picture_file_costs_no_event(
    open_store: Callable[..., Store], folder: Path, note: Make
) -> None:
    store = open_store()
    store.add(note(), b"jpeg")
    store.close()
    (folder / "thumbnails.db").write_bytes(b"text" * 9999)
    store = open_store()
    assert len(_ids(store)) == 1 and store.thumbnail(1) is None
    assert "thumbnails.db.damaged" in _details(store)[0]
    assert (stored := store.add(note(), b"other")) and stored.thumbnail


@pytest.mark.parametrize("column", ["body", "camera", "at", "synchronized", "delay_s"])
def test_a_flipped_value_is_left_out_and_counted(
    open_store: Callable[..., Store], folder: Path, note: Make, column: str
) -> None:
    store = open_store()
    for serial in ("AB1", "AB2", "AB3"):
        store.add(note(serial))
    store.close()
    flip = {"body": "replace(body, 'AB2', 'AB8')", "camera": "'other'"}.get(column, f"{column} + 1")
    with sqlite3.connect(folder / "events.db") as connection:
        connection.execute(f"UPDATE events SET {column} = {flip} WHERE sequence = 2")
    connection.close()
    store = open_store()
    for _ in range(2):
        assert [event.sequence for event in store.find(EventQuery())] == [3, 1]
    assert store.status().unreadable == 1


def test_a_bit_flipped_anywhere_never_gives_a_wrong_event(
    open_store: Callable[..., Store], folder: Path, note: Make
) -> None:
    store = open_store()
    sound = {event.id: event for event in (note(str(i)) for i in range(60))}
    for event in sound.values():
        store.add(event)
    store.close()
    content, random = (folder / "events.db").read_bytes(), np.random.default_rng(0)
    whole = refused = 0
    for place in random.integers(0, len(content), 60):
        for path in folder.iterdir():
            path.unlink()
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        (folder / "events.db").write_bytes(flipped)
        try:
            store = open_store()
        except StorageError as error:
            assert "of version" in str(error)
            refused += 1
            continue
        found = {e.event.id: e.event for e in store.find(EventQuery(kinds=("note",), limit=500))}
        assert found.items() <= sound.items()
        whole += len(found) == len(sound)
        store.close()
    assert whole > 20 and refused <= 1


def test_a_check_that_takes_too_long_goes_on_beside_the_work(
    open_store: Callable[..., Store], folder: Path, note: Make, monkeypatch: Any,
    until: Callable[..., None],
) -> None:  # fmt: skip
    store = open_store()
    for i in range(100):
        store.add(note(str(i)))
    store.close()
    _flip_page(folder / "events.db")
    monkeypatch.setattr(
        "edgecnn_device.kiosk.store.connections.check",
        lambda *given: "unfinished" if given[2] is not None else check(*given),
    )
    store = open_store()
    until(lambda: list(folder.glob("events.db.damaged-*")))
    until(lambda: any("set aside" in detail for detail in _details(store)))
