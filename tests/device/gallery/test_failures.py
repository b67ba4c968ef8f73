"""Five failures in a row delay, fifty stop, and neither a restart nor a clock helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError, LockedError
from edgecnn_device.database import Database, open_database
from edgecnn_device.gallery import FailureCounter
from edgecnn_device.gallery.audit import Audit
from edgecnn_device.gallery.failures import Clock
from edgecnn_device.gallery.schema import SCHEMA

Draw = Callable[..., NDArray[np.float32]]


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self, boot: str = "first boot") -> Clock:
        return Clock(boot, lambda: self.now)


@pytest.fixture
def database(tmp_path: Any) -> Iterator[Database]:
    found = open_database(tmp_path / "gallery.db", SCHEMA, create=True)
    yield found
    found.close()


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def counter(database: Database, hand: Hand) -> FailureCounter:
    return FailureCounter(database, Audit(database, "tester"), b"key", hand.clock())


def _fail(counter: FailureCounter, hand: Hand, times: int) -> None:
    """Fail so many times, after waiting whenever that is asked."""
    for _ in range(times):
        hand.now += 30
        counter.attempt("ann")


def test_five_failures_are_free_and_the_sixth_waits(counter: FailureCounter, hand: Hand) -> None:
    for _ in range(5):
        counter.attempt("ann")
    with pytest.raises(LockedError, match="wait 30 s") as caught:
        counter.attempt("ann")
    assert caught.value.retry_after_s == 30
    hand.now += 29.5
    with pytest.raises(LockedError) as caught:
        counter.attempt("ann")
    assert caught.value.retry_after_s == pytest.approx(0.5)
    hand.now += 0.5
    counter.attempt("ann")
    assert counter.count("ann") == 6


def test_every_further_failure_delays_again(counter: FailureCounter, hand: Hand) -> None:
    _fail(counter, hand, 6)
    with pytest.raises(LockedError, match="wait 30 s"):
        counter.attempt("ann")


def test_a_success_begins_anew(counter: FailureCounter) -> None:
    for _ in range(4):
        counter.attempt("ann")
    counter.attempt("ann")
    counter.succeeded("ann")
    for _ in range(5):
        counter.attempt("ann")
    assert counter.count("ann") == 5


def test_fifty_failures_stop_until_an_administrator_resets(
    counter: FailureCounter, hand: Hand, database: Database
) -> None:
    _fail(counter, hand, 50)
    hand.now += 1e6
    with pytest.raises(LockedError, match="administrator") as caught:
        counter.attempt("ann")
    assert caught.value.retry_after_s is None
    counter.reset("ann")
    counter.attempt("ann")
    assert [line[1:3] for line in Audit(database, None).lines()] == [
        ("tester", "lock"),
        ("tester", "reset"),
    ]


def test_a_refused_attempt_counts_nothing(counter: FailureCounter, hand: Hand) -> None:
    _fail(counter, hand, 5)
    for _ in range(100):
        with pytest.raises(LockedError):
            counter.attempt("ann")
    assert counter.count("ann") == 5


def test_people_and_terminals_are_counted_apart(counter: FailureCounter) -> None:
    for _ in range(5):
        counter.attempt("ann", terminal="door")
    counter.attempt("bob")
    for person, terminal in (("ann", None), (None, "door"), ("bob", "door")):
        with pytest.raises(LockedError):
            counter.attempt(person, terminal)
    assert (counter.count("bob"), counter.count(terminal="ann")) == (1, 0)


def test_an_attempt_of_nobody_nowhere_is_refused(counter: FailureCounter) -> None:
    with pytest.raises(GalleryError, match="person or terminal"):
        counter.attempt()


def test_another_process_of_the_same_boot_goes_on_waiting(
    counter: FailureCounter, hand: Hand, database: Database
) -> None:
    _fail(counter, hand, 5)
    hand.now += 20
    other = FailureCounter(database, Audit(database, None), b"key", hand.clock())
    with pytest.raises(LockedError, match="wait 10 s"):
        other.attempt("ann")


@pytest.mark.parametrize("now", [0.0, 5.0, 1e9])
def test_a_restart_waits_in_full_whatever_the_clock_says(
    counter: FailureCounter, hand: Hand, database: Database, now: float
) -> None:
    _fail(counter, hand, 5)
    hand.now = now
    after = FailureCounter(database, Audit(database, None), b"key", hand.clock("second boot"))
    with pytest.raises(LockedError, match="wait 30 s"):
        after.attempt("ann")
    hand.now += 29
    with pytest.raises(LockedError, match="wait 1 s"):
        after.attempt("ann")
    hand.now += 1
    after.attempt("ann")


def test_the_stop_outlives_a_restart(
    counter: FailureCounter, hand: Hand, database: Database
) -> None:
    _fail(counter, hand, 50)
    after = FailureCounter(database, Audit(database, None), b"key", hand.clock("second boot"))
    with pytest.raises(LockedError, match="administrator"):
        after.attempt("ann")


def test_the_time_of_day_is_never_asked(
    counter: FailureCounter, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail(counter, hand, 5)
    monkeypatch.setattr("time.time", lambda: 0.0)
    with pytest.raises(LockedError, match="wait 30 s"):
        counter.attempt("ann")


def test_the_machines_own_clock_counts_across_processes(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        for _ in range(5):
            gallery.failures.attempt("ann")
    with place.open() as gallery, pytest.raises(LockedError, match="wait"):
        gallery.failures.attempt("ann")


def test_deleting_a_person_forgets_their_failures(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.failures.attempt("ann")
        gallery.delete("ann")
        assert gallery.failures.count("ann") == 0
