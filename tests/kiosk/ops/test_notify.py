"""Messages arrive at a real socket in systemd's words, and never stop the daemon."""

from __future__ import annotations

import os
import socket
import time
import uuid
from pathlib import Path

import pytest

from edgecnn_device.kiosk.ops.notify import Notifier


def test_each_message_is_as_sd_notify_says(systemd: socket.socket) -> None:
    notifier = Notifier()
    sent = (
        notifier.ready("2 cameras"), notifier.stopping(), notifier.status("a\nREADY=1"),
        notifier.alive(), notifier.extend(2.5),
    )  # fmt: skip
    assert all(sent)
    assert [systemd.recv(4096).decode() for _ in sent] == [
        "READY=1\nSTATUS=2 cameras", "STOPPING=1\nSTATUS=stopping", "STATUS=a READY=1",
        "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=2500000",
    ]  # fmt: skip


def test_a_reload_carries_the_monotonic_clock(systemd: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier().reloading()
    name, _, stamp = systemd.recv(4096).decode().partition("\nMONOTONIC_USEC=")
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert name == "RELOADING=1" and before <= int(stamp) <= after


def test_an_abstract_name_is_understood() -> None:
    name = f"edgecnn-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}")
        bound.settimeout(30)
        assert Notifier({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert bound.recv(99) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1234", "x" * 300, "a\0b"])
def test_without_a_socket_nothing_is_sent_and_nothing_raised(address: str) -> None:
    assert not Notifier({"NOTIFY_SOCKET": address}).ready("on")


def test_a_queue_that_stays_full_does_not_hold_the_daemon(tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(path)
        notifier = Notifier({**os.environ, "NOTIFY_SOCKET": path})
        started = time.monotonic()
        assert not all(notifier.alive() for _ in range(2000))
        assert time.monotonic() - started < 60  # it gives up after a second
