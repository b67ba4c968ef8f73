"""Whether the clock can be believed, and how much is written."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgecnn_device.kiosk.store import WriteCounter, clock, clock_synchronized


class Kernel:
    """Answers adjtimex(2)."""

    def __init__(self, status: int, maxerror: int) -> None:
        self.status, self.maxerror = status, maxerror

    def adjtimex(self, timex: Any) -> int:
        timex._obj.maxerror = self.maxerror
        return self.status


@pytest.mark.parametrize(
    ("status", "maxerror", "synchronized"),
    [
        (0, 1500, True),
        (5, 1500, True),  # STA_UNSYNC, as chrony leaves it without rtcsync
        (0, 15_999_999, True),
        (5, 16_000_000, False),
        (0, -1, False),
        (-1, 0, False),
    ],
)
def test_the_kernel_is_asked(
    monkeypatch: pytest.MonkeyPatch, status: int, maxerror: int, synchronized: bool
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Kernel(status, maxerror))
    assert clock_synchronized() is synchronized


def test_what_cannot_be_asked_is_not_synchronized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert clock_synchronized() is False


def test_it_says_what_systemd_says() -> None:
    if shutil.which("timedatectl") is None:
        pytest.skip("no timedatectl: apt-get install systemd")
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    if said.returncode:
        pytest.skip("systemd does not run here")
    assert clock_synchronized() is (said.stdout.strip() == "yes")


def test_the_structure_is_that_of_linux() -> None:
    # asm-generic: unsigned int, padding, then longs; the offset of maxerror is what matters.
    assert clock._Timex.maxerror.offset == 3 * ctypes.sizeof(ctypes.c_long)


def test_trust_takes_ten_minutes_and_ends_with_synchronization(clocks: Any) -> None:
    steady = clocks.steady()
    assert steady.trusted() is None
    clocks.run(599.0)
    assert steady.trusted() is None
    clocks.run(1.0)
    assert steady.trusted() == clocks.wall
    clocks.synchronized = False
    assert steady.trusted() is None
    clocks.synchronized = True
    clocks.run(10_000.0)
    assert steady.trusted() is None  # it begins anew


@pytest.mark.parametrize(("jump", "trusted"), [(5.0, True), (-5.0, True), (1e9, False)])
def test_a_small_correction_is_no_jump(clocks: Any, jump: float, trusted: bool) -> None:
    steady = clocks.steady()
    steady.trusted()
    clocks.run(700.0)
    clocks.wall += jump
    assert (steady.trusted() is not None) is trusted


def test_what_is_written_is_counted(tmp_path: Path, clocks: Any) -> None:
    counter = WriteCounter(tmp_path, lambda: clocks.monotonic)
    before = counter.sample()
    with (tmp_path / "file").open("wb") as file:
        file.write(os.urandom(3_000_000))
        file.flush()
        os.fsync(file.fileno())
    clocks.run(1800.0)
    after = counter.sample()
    if after.process is None or before.process is None:
        pytest.skip("no /proc/self/io here")
    if after.process == before.process:
        pytest.skip("the folder is in memory")
    assert after.process - before.process >= 3_000_000
    assert after.process_per_hour == 2 * (after.process - before.process)
    assert (after.device is None) == (after.device_per_hour is None)
    clocks.run(7200.0)
    assert counter.sample().process_per_hour == 0.0
    assert len(counter._samples) == 2


def test_what_the_system_does_not_tell_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.kiosk.store.writes.process_bytes", lambda: None)
    counter = WriteCounter(tmp_path)
    counter._device = tmp_path / "nothing"
    written = counter.sample()
    assert (written.process, written.device, written.process_per_hour) == (None, None, None)
