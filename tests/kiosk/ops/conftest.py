"""Configurations as files, and secrets beside them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecnn_device.kiosk.ops.load import Loaded, load_config

MINIMAL = "cameras:\n  door:\n    source: usb:0\n"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration whose data lie beside it, unless it names them."""

    def write(text: str, name: str = "kiosk.yaml") -> Path:
        path = tmp_path / name
        whole = text if "data:" in text else f"{text}\ndata: {tmp_path}/data\n"
        path.write_text(whole, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write: Callable[[str], Path]) -> Callable[[str], Loaded]:
    """Writes and loads one."""
    return lambda text: load_config(write(text))


@pytest.fixture
def secret(tmp_path: Path) -> Callable[..., Path]:
    """Writes a secret with a mode."""

    def secret(name: str, data: bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "secrets" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return secret


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A notify socket as systemd binds it."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(path))
        bound.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield bound
