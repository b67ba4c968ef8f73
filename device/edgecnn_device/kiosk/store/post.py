"""One HTTP POST with a deadline over all of it, that another thread can end.

Of the standard library: urllib follows redirects and proxies of the environment, and httpx would be
one more package on the board. `http.client` does neither, but its timeout is that of a single
read: a receiver that sends a byte now and then would hold the thread for hours. Here a watch shuts
the socket down when the time is over.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

_RETRY_AFTER_S = 3600.0


@dataclass(frozen=True)
class Answer:
    """What the receiver said; its text is not read."""

    status: int
    retry_after_s: float
    """Header Retry-After, where it is a number of seconds; bounded by an hour."""


class Poster:
    """Sends to one address.

    Args:
        url: http:// or https://.
        timeout_s: of name resolution, connecting, sending and the answer's head together.
        context: of TLS, for https.
    """

    def __init__(self, url: str, timeout_s: float, context: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s, self._context = timeout_s, context
        self._lock, self._closed = threading.Lock(), False
        self._socket: socket.socket | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send, and return the status.

        Raises:
            OSError: no answer came, in time or at all; `TimeoutError` for the former.
            http.client.HTTPException: the answer is no HTTP.
        """
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            self._abort()

        watch = threading.Timer(self._timeout_s, end)
        watch.daemon = True
        watch.start()
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, dict(headers))
            return _answer(connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError) as error:
            if timed_out.is_set():
                raise TimeoutError(f"no answer within {self._timeout_s:g} s") from error
            raise
        finally:
            watch.cancel()
            with self._lock:
                self._socket = None
            connection.close()

    def close(self) -> None:
        """End what is under way, and refuse more."""
        self._closed = True
        self._abort()

    def _connection(self) -> http.client.HTTPConnection:
        """Return a connection that hands its socket over before it waits for anything."""
        kind = http.client.HTTPSConnection if self._context else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        connection.connect = lambda: self._connect(connection)  # type: ignore[method-assign]
        return connection

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        last: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self._host, connection.port, type=socket.SOCK_STREAM
        ):
            made = self._watched(socket.socket(family, kind, protocol))
            connection.sock = made
            made.settimeout(self._timeout_s)
            try:
                made.connect(address)
                break
            except OSError as error:
                last = error
                made.close()
        else:
            raise last or OSError(f"{self._host}: no address")
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            secured = self._context.wrap_socket(
                made, server_hostname=self._host, do_handshake_on_connect=False
            )
            connection.sock = self._watched(secured)
            secured.do_handshake()

    def _watched(self, made: socket.socket) -> socket.socket:
        with self._lock:
            self._socket = made
        if self._closed:
            made.close()
            raise OSError("closed")
        return made

    def _abort(self) -> None:
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # not connected, or gone
                    # Of the plain socket: that of TLS would tear down what the other thread uses.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _answer(response: http.client.HTTPResponse) -> Answer:
    try:
        wait = float(response.getheader("Retry-After", "0"))
    except ValueError:  # a date
        wait = 0.0
    bounded = min(wait, _RETRY_AFTER_S) if wait > 0 else 0.0  # nan, too
    return Answer(response.status, bounded)
