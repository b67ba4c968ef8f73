"""Deadlines and bounds of a connection, which uvicorn has not: for headers, bodies and readers.

A client that sends a header or a body byte by byte, or never reads, is let go; its connection is
one of a bounded number until then.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn._types import ASGISendEvent
    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEADER_S = 10.0
"""From the first byte of a request (or the connection) to the end of its header."""
BODY_S = 60.0
"""From there to the end of its body."""
WRITE_S = 10.0
"""For the client to read what fills the buffer: 64 KB."""
CLOSE_S = 1.0
"""For a closing message to reach a client that reads again."""
MOST_CONNECTIONS = 192
MOST_OF_ONE = 48
"""Connections of one address, unless it is this machine, where a proxy may stand."""
TOO_SLOW = 1013
"""WebSocket close code "try again later" (IANA registry)."""
CLIENTS_LOG = f"{__name__}.clients"
"""What single connections do wrong. `Server` lets errors alone through: a stranger who sends
nonsense shall not fill the log, and with it an SD card."""
_STATUS_408 = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"error":{"code":"slow","message":"the request took too long to arrive"}}'
)


class _Timer:
    """One deadline at a time."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def start(self, after_s: float, call: Callable[[], None]) -> None:
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(after_s, call)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class GuardedHttp(H11Protocol):
    """HTTP/1.1 with deadlines."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logging.getLogger(CLIENTS_LOG)
        self._stage = ""
        self._reading, self._writing = _Timer(), _Timer()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or drop it where there are too many."""
        super().connection_made(transport)
        if self._is_crowded():
            transport.abort()
            return
        self._enter("header")

    def data_received(self, data: bytes) -> None:
        """Read, and see what is waited for next."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on with what the client sent meanwhile."""
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; a `GuardedWebSocket` has its own deadlines."""
        self._enter("")
        self._writing.stop()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._enter("")
        self._writing.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client some time to read."""
        super().pause_writing()
        self._writing.start(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It did."""
        self._writing.stop()
        super().resume_writing()

    def _is_crowded(self) -> bool:
        host = self.client[0] if self.client else ""
        clients = [getattr(other, "client", None) for other in self.connections]
        same = sum(1 for client in clients if client and client[0] == host)
        local = host.startswith("127.") or host == "::1"
        return len(self.connections) > MOST_CONNECTIONS or (same > MOST_OF_ONE and not local)

    def _watch(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            self._enter("body")
        elif theirs is h11.IDLE and self.timeout_keep_alive_task is None:
            self._enter("header")  # else uvicorn's own deadline for the next request runs
        else:
            self._enter("")

    def _enter(self, stage: str) -> None:
        """Start the deadline of a stage, unless it runs: more bytes do not prolong it."""
        if stage == self._stage:
            return
        self._stage = stage
        if stage == "header":
            self._reading.start(HEADER_S, self._refuse)
        elif stage == "body":
            self._reading.start(BODY_S, self.transport.abort)
        else:
            self._reading.stop()

    def _refuse(self) -> None:
        self.transport.write(_STATUS_408)
        self.transport.close()


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose client has to read."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logging.getLogger(CLIENTS_LOG)
        self._writing = _Timer()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; a handshake that is refused in words is complete, which uvicorn overlooks."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True

    def pause_writing(self) -> None:
        """Give the client some time to read."""
        super().pause_writing()
        self._writing.start(WRITE_S, self._let_go)

    def resume_writing(self) -> None:
        """It did."""
        self._writing.stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._writing.stop()
        super().connection_lost(exc)

    def _let_go(self) -> None:
        """Say why, for a client that reads after all, and go."""
        transport = self.transport
        if not self.close_sent and not transport.is_closing():
            self.conn.send_close(TOO_SLOW, "too slow")
            transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self._writing.start(CLOSE_S, transport.abort)
