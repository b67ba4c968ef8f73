"""By which names the kiosk is reached, and from which pages requests may come."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import WebConfig


@dataclass(frozen=True)
class Hosts:
    """The names under which this kiosk answers.

    A page of a stranger whose name is made to point here (DNS rebinding) shares its origin with
    the kiosk in the browser's eyes, but its requests carry the stranger's name. A numeric address
    cannot be rebound, so all of those pass.
    """

    names: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, config: WebConfig) -> Hosts:
        """Return those of a configuration: its host, its origins, and this machine's own name."""
        own = socket.gethostname().lower()
        names = {"localhost", own, f"{own.partition('.')[0]}.local", config.host.lower()}
        origins = {origin.rstrip("/").lower() for origin in config.origins}
        return cls(frozenset(names | {urlsplit(o).hostname or "" for o in origins} - {""}),
                   frozenset(origins))  # fmt: skip

    def answers(self, host: str) -> bool:
        """Tell whether a Host header names this kiosk."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if "@" in host or "/" in host:
                return False
        except ValueError:
            return False
        return name in self.names or is_address(name)

    def allows(self, origin: str, scheme: str, host: str) -> bool:
        """Tell whether a page may ask: one that this kiosk served, or one of the configuration.

        Args:
            origin: the Origin header.
            scheme: http or https, of this request.
            host: its Host header, which `answers`.
        """
        origin = origin.lower()
        return origin == f"{scheme}://{host.lower()}" or origin in self.origins


def is_address(name: str) -> bool:
    """Tell whether a host is a number rather than a name."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address to listen on."""
    if host == "localhost":
        return True
    return is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback


def check_exposure(config: WebConfig, insecure_http: bool = False) -> None:
    """Refuse to show faces and tokens to a whole network in plain text.

    Raises:
        InputError: other machines could connect, without TLS, and nobody said that this is meant.
    """
    if config.tls is None and not is_loopback(config.host) and not insecure_http:
        raise InputError(
            f"web.host {config.host} can be reached from other machines, and without TLS tokens "
            "and pictures would pass in plain text: set web.tls, or web.host 127.0.0.1 behind a "
            "proxy that has TLS, or give --insecure-http"
        )
