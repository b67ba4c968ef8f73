"""Cameras: how they are doing, and what they see."""

from __future__ import annotations

import asyncio
import contextlib
import time

from fastapi import APIRouter, Depends, Response, WebSocket

from edgecnn_device.kiosk.config import Name
from edgecnn_device.kiosk.web.auth import Principal
from edgecnn_device.kiosk.web.errors import ApiError, busy, documented
from edgecnn_device.kiosk.web.live import StreamEnded, Viewer
from edgecnn_device.kiosk.web.mjpeg import Mjpeg
from edgecnn_device.kiosk.web.models import CameraOut, frame_out
from edgecnn_device.kiosk.web.parts import Parts
from edgecnn_device.kiosk.web.sockets import (
    LOGGED_OUT,
    RESTART,
    TOO_SLOW,
    Client,
    accepted,
    refuse,
)

_ASK_S = 30.0
"""For a viewer to ask for the next picture."""
_STILL_S = 5.0
"""Between two words that the camera gives nothing."""
_JPEG = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
_STREAM = {"content": {Mjpeg.media_type: {"schema": {"type": "string", "format": "binary"}}}}


def routes(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/cameras", tags=["cameras"], responses=documented(401, 403))
    view = Depends(parts.auth.require("view"))

    @router.get("", dependencies=[view])
    def cameras() -> list[CameraOut]:
        """List the cameras, in the order of the configuration."""
        return [CameraOut.model_validate(camera) for camera in parts.kiosk.cameras()]

    @router.get(
        "/{camera}/snapshot.jpg", dependencies=[view], response_class=Response,
        responses={200: _JPEG, **documented(404, 503)},
    )  # fmt: skip
    async def snapshot(camera: Name, boxes: bool = False) -> Response:
        """Give the newest picture; with boxes, what was seen is drawn, without names of people."""
        parts.check_camera(camera)
        async with parts.live.viewer(camera, boxes) as viewer:
            with contextlib.suppress(StreamEnded):
                if picture := await viewer.next(3.0):
                    return Response(picture.jpegs[boxes], media_type="image/jpeg")
        raise busy("the camera gave no picture yet", "no_picture", 2)

    @router.get(
        "/{camera}/stream.mjpg", response_class=Response,
        responses={200: _STREAM, **documented(404, 503)},
    )  # fmt: skip
    async def stream(camera: Name, boxes: bool = False, found: Principal = view) -> Response:
        """Stream pictures as MJPEG, at most web.live_rate per second."""
        parts.check_camera(camera)
        return Mjpeg(parts.live, camera, boxes, lambda: parts.auth.valid(found))

    @router.websocket("/{camera}/live")
    async def live(socket: WebSocket, camera: str) -> None:
        """Send what was seen as JSON, then its picture as JPEG, whenever the client asks."""
        try:
            found = parts.auth.admit(socket, "view")
            parts.check_camera(camera)
            async with parts.live.viewer(camera, False) as viewer, accepted(socket) as client:
                await _show(parts, found, viewer, client)
        except ApiError as error:
            await refuse(socket, error)

    return router


async def _show(parts: Parts, found: Principal, viewer: Viewer, client: Client) -> None:
    """Send pictures, each after the client asked for it: it never lags behind by more than one."""
    said_at, names = time.monotonic(), found.may("operate")
    while not client.gone:
        try:
            picture = await viewer.next(1.0)
        except StreamEnded:
            await client.close(RESTART, "stopping")
            return
        if not parts.auth.valid(found):
            await client.close(LOGGED_OUT, "logged out")
        elif picture is not None:
            seen = frame_out(picture.frame, names).model_copy(update={"age_s": picture.age_s})
            client.asked.clear()
            await client.send(seen.model_dump_json(), picture.jpegs[False])
            said_at = time.monotonic()
            try:
                await asyncio.wait_for(client.asked.wait(), _ASK_S)
            except asyncio.TimeoutError:
                await client.close(TOO_SLOW, "no picture was asked for")
        elif time.monotonic() - said_at > _STILL_S:
            await client.send('{"type":"still"}')
            said_at = time.monotonic()
