"""Every target gets every event in order, whatever fails in between."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.kiosk.events import CameraChanged, Event
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store
from edgecnn_device.kiosk.store.backoff import Backoff
from edgecnn_device.kiosk.store.outbox import Outbox, Patience
from edgecnn_device.kiosk.store.target import Outcome

Make = Callable[..., Event]
Until = Callable[..., None]
QUICK = Patience(first_s=0.01, most_s=0.05, attempts=3)
LATER, REFUSED = Outcome("later", "away"), Outcome("refused", "status 410")


@pytest.fixture
def deliver(store: Store) -> Iterator[Callable[..., Outbox]]:
    """Begins to deliver to targets; all end with the test."""
    begun: list[Outbox] = []

    def begin(*targets: Any, patience: Patience = QUICK, store: Store = store) -> Outbox:
        begun.append(Outbox(store, targets, patience))
        return begun[-1]

    yield begin
    for outbox in begun:
        outbox.close()


def _camera(state: str = "live") -> Event:
    return Event(CameraChanged(state, ""), "front", 0.0, True)


def test_events_are_delivered_in_order_as_they_are_stored(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    outbox = deliver(target)
    stored = [store.add(event) for event in (note("1"), _camera(), note("2"), note("3"))]
    until(lambda: len(target.taken) == 4)
    until(lambda: outbox.undelivered() == 0)
    assert target.taken == stored
    assert outbox.status()[0].delivered == 4


def test_a_target_gets_its_kinds_alone(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until
) -> None:
    target = make_target(kinds=("camera",))
    outbox = deliver(target)
    store.add(note())
    store.add(_camera())
    until(lambda: target.taken)
    until(lambda: outbox.undelivered() == 0)
    assert [event.event.kind for event in target.taken] == ["camera"]


def test_what_came_while_a_target_was_away_comes_in_order(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    target.away.set()
    outbox = deliver(target)
    stored = [store.add(note(str(i))) for i in range(20)]
    until(lambda: len(target.attempts) > 3)
    status = outbox.status()[0]
    assert (status.undelivered, status.reason, status.refused) == (20, "away", 0)
    assert status.failing_s > 0 and status.oldest_at == stored[0].event.at  # type: ignore[union-attr]
    assert outbox.undelivered() == 20 and outbox.oldest() == stored[0].event  # type: ignore[union-attr]
    target.away.clear()
    until(lambda: outbox.undelivered() == 0)
    assert target.taken == stored
    assert outbox.status()[0].failing_s == 0


def test_a_restart_goes_on_where_it_was(
    open_store: Callable[..., Store], make_target: Any, note: Make, until: Until
) -> None:
    store, target = open_store(), make_target()
    outbox = Outbox(store, (target,), QUICK)
    store.add(note("1"))
    until(lambda: outbox.undelivered() == 0)
    target.away.set()
    store.add(note("2"))
    outbox.close()
    store.add(note("3"))
    store.close()
    again = make_target()
    store = open_store()
    outbox = Outbox(store, (again,), QUICK)
    until(lambda: outbox.undelivered() == 0)
    assert [event.event.body.serial for event in again.taken] == ["2", "3"]
    outbox.close()


def test_a_new_target_owes_what_comes_from_now_on(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    store.add(note("before"))
    deliver(target)
    store.add(note("after"))
    until(lambda: target.taken)
    assert [event.event.body.serial for event in target.taken] == ["after"]


def test_a_target_that_is_removed_owes_nothing(
    store: Store, deliver: Any, make_target: Any, note: Make
) -> None:
    gone, stays = make_target(key="gone"), make_target(key="stays")
    for each in (gone, stays):
        each.away.set()
    first = deliver(gone, stays)
    store.add(note())
    first.close()
    assert deliver(stays).undelivered() == 1
    assert store.ledger.done("gone") == {}
    assert deliver().undelivered() == 0


def test_one_target_does_not_wait_for_another(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until
) -> None:
    away, there = make_target(key="away"), make_target(key="there")
    away.away.set()
    outbox = deliver(away, there)
    for i in range(3):
        store.add(note(str(i)))
    until(lambda: len(there.taken) == 3)
    assert outbox.undelivered() == 3


def test_an_event_that_is_refused_for_good_is_set_aside_and_the_next_one_comes(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    target = make_target([LATER, REFUSED, LATER, REFUSED, REFUSED])
    outbox = deliver(target)
    bad, good = note("bad"), note("good")
    store.add(bad)
    store.add(good)
    until(lambda: outbox.undelivered() == 0)
    assert target.attempts == [bad.id] * 5 + [good.id]
    assert [event.event for event in target.taken] == [good]
    assert outbox.status()[0].refused == 1
    assert f"refused event {bad.id} 3 times" in caplog.text


def test_a_refused_kind_does_not_hold_up_another(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until
) -> None:
    target = make_target([REFUSED])
    deliver(target, patience=Patience(first_s=60.0, most_s=60.0))
    store.add(note())
    until(lambda: target.attempts)
    store.add(_camera())
    until(lambda: target.taken)
    assert target.taken[0].event.kind == "camera" and len(target.attempts) == 2


def test_a_target_that_refuses_everything_loses_few(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until
) -> None:
    target = make_target([REFUSED] * 1000)
    outbox = deliver(target, patience=Patience(first_s=0.01, most_s=600.0, attempts=3))
    for i in range(100):
        store.add(note(str(i)))
    until(lambda: outbox.status()[0].refused >= 1)
    assert store.ledger.undelivered() > 95  # each next one takes eight times as long


def test_a_target_that_breaks_goes_on(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    taken = target.deliver
    broken = [RuntimeError("bug"), RuntimeError("bug")]

    def fail(event: object) -> Outcome:
        if broken:
            raise broken.pop()
        return taken(event)  # type: ignore[no-any-return]

    target.deliver = fail
    deliver(target)
    store.add(note())
    until(lambda: target.taken)


def test_it_waits_as_long_as_a_target_asks(
    store: Store, deliver: Any, make_target: Any, note: Make, until: Until
) -> None:
    target = make_target([Outcome("later", "busy", wait_s=0.5)])
    deliver(target)
    start = time.monotonic()
    store.add(note())
    until(lambda: target.taken)
    assert time.monotonic() - start >= 0.5


def test_it_ends_at_once_though_it_waits(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    target.away.set()
    outbox = deliver(target, patience=Patience(first_s=600.0, most_s=600.0))
    store.add(note())
    until(lambda: target.attempts)
    outbox.close()
    assert target.closed and not any(worker.is_alive() for worker in outbox._workers)


def test_a_mark_that_cannot_be_written_makes_no_repetition(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    outbox = deliver(target)
    with store._connections.lazy() as database:
        database.rows("PRAGMA query_only = ON")
    for i in range(3):
        store.add(note(str(i)))
    until(lambda: len(target.taken) == 3)
    assert outbox.undelivered() == 3
    with store._connections.lazy() as database:
        database.rows("PRAGMA query_only = OFF")
    store.add(note("last"))
    until(lambda: outbox.undelivered() == 0)
    assert len(target.attempts) == 4


def test_a_damaged_event_is_passed_over(
    store: Store, deliver: Any, target: Any, note: Make, until: Until
) -> None:
    target.away.set()
    outbox = deliver(target)
    for serial in ("AB1", "AB2", "AB3"):
        store.add(note(serial))
    with store._connections.lazy() as database:
        database.rows("UPDATE events SET camera = 'other' WHERE sequence = 2")
    target.away.clear()
    until(lambda: outbox.undelivered() == 0)
    assert [event.sequence for event in target.taken] == [1, 3]


CRASH = """
import os, sys, time
from pathlib import Path
from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.events import Event, SystemChanged
from edgecnn_device.kiosk.ports import EventQuery
from edgecnn_device.kiosk.store import Store
from edgecnn_device.kiosk.store.outbox import Outbox
from edgecnn_device.kiosk.store.target import DELIVERED

class Target:
    key = name = "file"
    kinds = ("system",)
    left = int(sys.argv[3])

    def deliver(self, event):
        with open(sys.argv[2], "a") as file:
            file.write(event.event.id + "\\n")
        self.left -= 1
        if not self.left:
            os._exit(9)  # delivered, and not marked
        return DELIVERED

    def close(self):
        pass

store = Store.open(Path(sys.argv[1]), StorageConfig(free_mb=0))
if sys.argv[4] == "first":
    store.ledger.register({"file": ("system",)})
    for _ in range(20):
        store.add(Event(SystemChanged("started", ""), "", 0.0, True))
outbox = Outbox(store, (Target(),))
while outbox.undelivered():
    time.sleep(0.01)
outbox.close()
store.close()
"""


def test_a_crash_between_delivery_and_mark_makes_one_repetition(
    folder: Path, tmp_path: Path, open_store: Callable[..., Store]
) -> None:
    delivered = tmp_path / "delivered"
    for crash_at, run in ((0, "first"), (3, "next"), (4, "next"), (0, "next")):
        first = run == "first"
        command = [sys.executable, "-c", CRASH, str(folder), str(delivered),
                   str(5 if first else crash_at), run]  # fmt: skip
        code = subprocess.run(command, check=False, timeout=120).returncode
        assert code == (9 if first or crash_at else 0)
    ids = delivered.read_text().split()
    order = list(dict.fromkeys(ids))
    stored = [event.event.id for event in open_store().find(EventQuery(limit=500))][::-1]
    assert order == stored  # nothing missing, and in order
    assert len(ids) == len(stored) + 3  # one more for each of three crashes


def test_waits_double_with_jitter_up_to_a_bound() -> None:
    backoff = Backoff(1.0, 10.0)
    waits = [backoff.next_s() for _ in range(8)]
    for wait, bound in zip(waits, (1, 2, 4, 8, 10, 10, 10, 10), strict=True):
        assert bound / 2 <= wait <= bound
    assert len(set(waits[4:])) > 1
    backoff.reset()
    assert backoff.next_s() <= 1.0
