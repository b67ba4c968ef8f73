"""Signs of life are sent while there is life, and only then."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from edgecnn_device.kiosk.ops.notify import Notifier
from edgecnn_device.kiosk.ops.watchdog import Watchdog, slow_start, watchdog_interval

ALIVE = b"WATCHDOG=1"


def _drain(bound: socket.socket) -> list[bytes]:
    found = []
    bound.setblocking(False)
    try:
        while True:
            found.append(bound.recv(999))
    except BlockingIOError:
        return found
    finally:
        bound.settimeout(30)


def test_a_healthy_daemon_is_alive(systemd: socket.socket) -> None:
    watchdog = Watchdog(Notifier(), lambda: True, 0.03)
    watchdog.start()
    assert [systemd.recv(99) for _ in range(3)] == [ALIVE] * 3
    assert watchdog.stop(30)


def test_an_unhealthy_one_is_silent_until_it_works_again(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[bool] = []
    well = threading.Event()

    def healthy() -> bool:
        asked.append(well.is_set())
        return well.is_set()

    watchdog = Watchdog(Notifier(), healthy, 0.03)
    watchdog.start()
    while len(asked) < 5:
        time.sleep(0.01)
    assert _drain(systemd) == []
    assert caplog.text.count("nothing is processed") == 1
    well.set()
    assert systemd.recv(99) == ALIVE
    assert watchdog.stop(30)
    assert "processed again" in caplog.text


def test_one_that_raises_or_hangs_is_not_healthy(systemd: socket.socket) -> None:
    def broken() -> bool:
        raise RuntimeError("no")

    hung, ended = threading.Event(), threading.Event()

    def hang() -> bool:
        hung.set()
        return ended.wait(60)

    threads = [Watchdog(Notifier(), healthy, 0.03) for healthy in (broken, hang)]
    for thread in threads:
        thread.start()
    assert hung.wait(30)
    time.sleep(0.2)
    assert _drain(systemd) == []
    assert not threads[1].stop(0.01)  # it still hangs, and that is said
    ended.set()
    assert all(thread.stop(30) for thread in threads)


def test_a_new_status_is_sent_once(systemd: socket.socket) -> None:
    watchdog = Watchdog(Notifier(), lambda: False, 0.03, lambda: "3 cameras")
    watchdog.start()
    assert systemd.recv(99) == b"STATUS=3 cameras"
    time.sleep(0.1)
    assert watchdog.stop(30)
    assert _drain(systemd) == []


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-3"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_interval_is_what_systemd_asks_of_this_process(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_interval(environment) == seconds


def test_a_slow_start_asks_for_time_and_not_for_ever(systemd: socket.socket) -> None:
    with slow_start(Notifier()):
        assert systemd.recv(99) == b"EXTEND_TIMEOUT_USEC=15000000"
    with slow_start(Notifier(), most_s=0):
        pass
    assert _drain(systemd) == []
