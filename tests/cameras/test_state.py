from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgecnn_device.cameras.state import STEADY_S, Backoff, Link

SECONDS = st.floats(0, 100, allow_nan=False)
CHANCE = st.floats(0, 1, allow_nan=False)


@given(st.integers(1, 10_000), CHANCE, st.floats(0.01, 3600), st.floats(0.01, 3600))
def test_a_wait_is_between_its_bounds(
    failures: int, chance: float, least: float, most: float
) -> None:
    wait = Backoff(least, most).wait_s(failures, chance)
    assert least <= wait <= max(least, most) * (1 + 1e-9)


def test_the_bound_of_the_wait_doubles() -> None:
    backoff = Backoff(1.0, 60.0)
    assert [backoff.wait_s(n, 1.0) for n in range(1, 9)] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert {backoff.wait_s(n, 0.0) for n in range(1, 9)} == {1.0}


def test_failures_are_forgotten_after_a_while_of_being_live() -> None:
    def waits(live_s: float) -> float:
        link = Link(Backoff(1.0, 60.0), 0.0, lambda: 1.0)
        for _ in range(3):
            link.lost("gone", 0.0)
            link.retry(0.0)
        link.arrived(0.0)
        link.arrived(live_s)
        link.lost("gone", live_s)
        return link.retry_at - live_s

    assert waits(STEADY_S - 1) == 16
    assert waits(STEADY_S) == 2


def test_patience_with_a_first_picture_grows_with_the_failures() -> None:
    link, found = Link(Backoff(1.0, 60.0), 0.0, lambda: 1.0), []
    for _ in range(5):
        found.append(link.first_s)
        link.lost("gone", 0.0)
        link.retry(0.0)
    assert found == [2, 4, 8, 10, 10]


class LinkMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, the states stay those of the diagram."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.chance, self.ended = 0.0, 0.5, False
        self.link = Link(Backoff(1.0, 60.0), 0.0, lambda: self.chance)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.link.state in {"connecting", "live"})
    @rule()
    def frame(self) -> None:
        was = self.link.state
        assert self.link.arrived(self.now) == (was == "connecting")
        assert self.link.state == "live"

    @precondition(lambda self: self.link.state in {"connecting", "live"})
    @rule(chance=CHANCE)
    def failure(self, chance: float) -> None:
        self.chance = chance
        self.link.lost("gone", self.now)
        assert self.link.state == "backoff"
        assert 1.0 <= self.link.retry_at - self.now <= 60.0 + 1e-6

    @precondition(lambda self: self.link.state == "backoff")
    @rule()
    def again(self) -> None:
        self.link.retry(self.now)
        assert (self.link.state, self.link.reason) == ("connecting", "gone")

    @precondition(lambda self: self.link.state in {"connecting", "live"})
    @rule()
    def end(self) -> None:
        self.link.over("", self.now)
        self.ended = True

    @precondition(lambda self: self.link.state == "backoff")
    @rule()
    def a_backoff_takes_no_frame(self) -> None:
        with pytest.raises(RuntimeError, match="expected the state connecting or live"):
            self.link.arrived(self.now)

    @invariant()
    def the_end_is_the_end(self) -> None:
        assert (self.link.state == "ended") == self.ended
        assert self.link.since <= self.now
        assert self.link.state != "live" or self.link.reason == ""


test_any_order_of_events = LinkMachine.TestCase
