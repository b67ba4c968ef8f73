"""A live view as MJPEG: what browsers, video players and other daemons show without a script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edgecnn_device.kiosk.web.live import LiveHub, StreamEnded, Viewer

_AGAIN_S = 5.0
"""After which the last picture is sent again: players think the line is dead else."""


class Mjpeg(Response):
    """Sends pictures until the viewer goes, the server stops, or the viewer may not look any more.

    Args:
        hub: the live views.
        camera: an existing one.
        boxes: whether what was seen is drawn.
        may_look: asked with each picture.
    """

    media_type = "multipart/x-mixed-replace; boundary=picture"

    def __init__(
        self, hub: LiveHub, camera: str, boxes: bool, may_look: Callable[[], bool]
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._hub, self._camera, self._boxes, self._may_look = hub, camera, boxes, may_look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; whoever cannot be served is refused before the first byte."""
        async with self._hub.viewer(self._camera, self._boxes) as viewer:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            gone = asyncio.ensure_future(_gone(receive))
            try:
                await self._stream(viewer, send, gone)
            except StreamEnded:
                pass
            finally:
                gone.cancel()
            await send({"type": "http.response.body", "body": b"--picture--\r\n"})

    async def _stream(self, viewer: Viewer, send: Send, gone: asyncio.Future[None]) -> None:
        last, sent_at = b"", time.monotonic()
        while not gone.done() and self._may_look():
            picture = await viewer.next(1.0)
            if picture is not None:
                last = picture.jpegs[self._boxes]
            elif not last or time.monotonic() - sent_at < _AGAIN_S:
                continue
            # Waits while the viewer does not read; the newest picture is taken after that.
            await send({"type": "http.response.body", "body": _part(last), "more_body": True})
            sent_at = time.monotonic()


def _part(jpeg: bytes) -> bytes:
    header = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return header.encode() + jpeg + b"\r\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
