"""What the WebSockets share: a refusal in words, somebody who listens, and an end with a code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.websockets import WebSocket, WebSocketDisconnect

from edgecnn_device.kiosk.web.errors import ApiError, response
from edgecnn_device.kiosk.web.headers import SECURITY_HEADERS

LOGGED_OUT = 4401
"""Close code: the login ended, or its token was revoked."""
RESTART = 1012
TOO_SLOW = 1013


class Client:
    """The other end of an accepted WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.gone = False
        self.asked = asyncio.Event()
        """Set whenever it sent something; what it sent does not matter."""

    async def send(self, text: str, data: bytes | None = None) -> None:
        """Send a text, and bytes after it; to who is gone, nothing."""
        try:
            await self._socket.send_text(text)
            if data is not None:
                await self._socket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: closed by a deadline
            self.gone = True

    async def close(self, code: int, reason: str) -> None:
        """End it, and say why."""
        if not self.gone:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code, reason)
        self.gone = True

    async def listen(self) -> None:
        """Notice what comes, until it is gone."""
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            self.asked.set()
        self.gone = True
        self.asked.set()


@asynccontextmanager
async def accepted(socket: WebSocket) -> AsyncIterator[Client]:
    """Accept a WebSocket; it is listened to until the block ends."""
    await socket.accept()
    client = Client(socket)
    task = asyncio.ensure_future(client.listen())
    try:
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            await task


async def refuse(socket: WebSocket, error: ApiError) -> None:
    """Answer a handshake as any request is refused."""
    headers = {**SECURITY_HEADERS, **(error.headers or {})}
    answer = response(error.status_code, error.code, str(error.detail), headers)
    await socket.send_denial_response(answer)
