"""A reload takes a good file into use and keeps the old one otherwise, and says which."""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.events import SystemChanged
from edgecnn_device.kiosk.ops.load import load_config
from edgecnn_device.kiosk.ops.notify import Notifier
from edgecnn_device.kiosk.ops.reload import Reload, Reloader

OLD = "cameras: {door: {source: 'rtsp://user@127.0.0.1/x', password_file: %s}}\n"


@dataclass
class Running:
    """A reloader with what it did."""

    reloader: Reloader
    write: Callable[[str], Path]
    text: str
    applied: list[Reload]
    told: queue.Queue[SystemChanged] = field(default_factory=queue.Queue)

    def reload(self) -> str:
        self.reloader.request()
        return self.told.get(timeout=60).detail


@pytest.fixture
def running(
    write: Callable[[str], Path], secret: Callable[..., Path], systemd: socket.socket
) -> Iterator[Running]:
    text = OLD % secret("door", b"correct horse")
    applied: list[Reload] = []
    told: queue.Queue[SystemChanged] = queue.Queue()
    reloader = Reloader(load_config(write(text)), applied.append, told.put, Notifier())
    reloader.start()
    yield Running(reloader, write, text, applied, told)
    assert reloader.stop(30)


def test_a_good_file_is_applied(running: Running) -> None:
    running.write(running.text + "web: {port: 9001}")
    assert running.reload() == "changed: web.port; started again: web"
    (reload,) = running.applied
    assert reload.loaded.config.web.port == 9001
    assert reload.secrets.cameras == {"door": "correct horse"}
    assert reload.plan.web and not reload.plan.stop_cameras
    assert running.reload() == "read again, nothing changed"


def test_a_bad_file_keeps_the_old_one_and_names_the_keys(running: Running) -> None:
    running.write(running.text + "web: {prot: 9001}")
    assert running.reload() == "kept the old one: 1 faults, at web.prot"
    running.write(running.text + "web: {host: 0.0.0.0}")
    assert running.reload() == "kept the old one: 1 faults, at web.host"
    running.write("- : [")
    assert running.reload() == "kept the old one: 1 faults, at the file"
    assert running.applied == [] and running.reloader.current.config.web.port == 8460


def test_a_new_password_in_the_same_file_is_noticed(
    running: Running, secret: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    secret("door", b"battery staple")
    told = running.reload()
    assert told == "changed: cameras.door.password_file; started again: camera door"
    assert running.applied[0].secrets.cameras["door"] == "battery staple"
    assert "staple" not in caplog.text + repr(running.applied[0].secrets)


@pytest.mark.parametrize("error", [EdgecnnError("the port is taken"), RuntimeError("a fault")])
def test_what_cannot_be_taken_into_use_keeps_the_old_one(
    running: Running, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(reload: Reload) -> None:
        raise error

    monkeypatch.setattr(running.reloader, "_apply", refuse)
    running.write(running.text + "web: {port: 9001}")
    assert running.reload().startswith("kept the old one: ")
    assert running.reloader.current.config.web.port == 8460


def test_systemd_is_told_when_a_reload_begins_and_ends(
    running: Running, systemd: socket.socket
) -> None:
    running.reload()
    first, second = systemd.recv(4096).decode(), systemd.recv(4096).decode()
    assert first.startswith("RELOADING=1\nMONOTONIC_USEC=") and second == "READY=1"
