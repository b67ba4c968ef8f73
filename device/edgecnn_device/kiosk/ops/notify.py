"""Tells systemd how the daemon is doing: sd_notify(3), by its own datagram."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

_TIMEOUT_S = 1.0


class Notifier:
    """Sends to `$NOTIFY_SOCKET`; without one, as on a terminal, it sends nowhere.

    It may be used by several threads, and never raises: who started the daemon may be gone.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        given = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of an abstract name: unix(7).
        self._address = "\0" + given[1:] if given.startswith("@") else given

    def ready(self, status: str = "") -> bool:
        """Say that start, or a reload, is finished; returns whether it was sent."""
        return self._send("READY=1", *_status(status))

    def reloading(self) -> bool:
        """Say that the configuration is read again; `ready` ends it."""
        # CLOCK_MONOTONIC, by which systemd tells this reload from one before.
        return self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> bool:
        """Say that the daemon ends."""
        return self._send("STOPPING=1", *_status("stopping"))

    def status(self, text: str) -> bool:
        """Give `systemctl status` a line for people."""
        return self._send(*_status(text))

    def alive(self) -> bool:
        """Keep the watchdog quiet for another interval."""
        return self._send("WATCHDOG=1")

    def extend(self, seconds: float) -> bool:
        """Ask for so many seconds more, from now, to start, reload or stop in."""
        return self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def _send(self, *lines: str) -> bool:
        if not self._address or not lines:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_TIMEOUT_S)  # systemd may be busy, and its queue full
                sender.sendto("\n".join(lines).encode(), self._address)
        except (OSError, ValueError):
            return False
        return True


def _status(text: str) -> tuple[str, ...]:
    """Return the line of a status; a line end in it would begin another message."""
    return (f"STATUS={' '.join(text.split())}",) if text else ()
