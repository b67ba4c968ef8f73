from __future__ import annotations

import pytest

from edgecnn_device.cameras.lateness import Lateness, is_rush


def test_a_punctual_stream_is_not_late() -> None:
    late = Lateness()
    assert [late(n / 25, 100 + n / 25) for n in range(100)] == pytest.approx([0.0] * 100)


def test_what_was_held_back_is_late_until_it_has_caught_up() -> None:
    late = Lateness()
    for n in range(50):
        late(n / 25, n / 25)
    arrived = 4.0  # two seconds of silence, then all of it at once
    held = [late(n / 25, arrived + (n - 50) / 1000) for n in range(50, 100)]
    assert held[0] == pytest.approx(2.0, abs=0.05)
    assert held == sorted(held, reverse=True)
    assert late(110 / 25, 110 / 25) == pytest.approx(0.0)


def test_a_reader_that_is_too_slow_is_ever_later() -> None:
    late = Lateness()
    lags = [late(n / 25, n / 20) for n in range(500)]
    assert lags == sorted(lags) and lags[-1] == pytest.approx(499 * 0.01)


def test_clocks_that_part_slowly_are_not_lateness() -> None:
    late, slow = Lateness(), 1 - 100e-6
    assert max(late(slow * n / 10, n / 10) for n in range(36_000)) < 0.013


def test_a_stream_that_begins_its_time_again_recovers() -> None:
    late = Lateness()
    late(1000.0, 0.0)
    assert late(0.0, 1.0) > 900
    assert [late(float(n), 1.0 + n) for n in range(130)][-1] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("stream", "clock", "rush"),
    [(0.04, 0.002, True), (0.04, 0.04, False), (0.04, 0.03, False), (0.0, 0.0, False)],
)
def test_a_store_is_given_faster_than_it_was_taken(stream: float, clock: float, rush: bool) -> None:
    assert is_rush(stream, clock) == rush
