"""Events: the stored ones, their thumbnails, and the ones to come."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, WebSocket
from starlette.concurrency import run_in_threadpool

from edgecnn_device.kiosk.config import Name
from edgecnn_device.kiosk.events import Kind
from edgecnn_device.kiosk.ports import EventQuery, StoredEvent
from edgecnn_device.kiosk.store.message import event_json, event_message
from edgecnn_device.kiosk.web.auth import Principal
from edgecnn_device.kiosk.web.errors import ApiError, documented
from edgecnn_device.kiosk.web.feed import Listener, newer_than
from edgecnn_device.kiosk.web.models import EventsOut, Sequence
from edgecnn_device.kiosk.web.parts import Parts
from edgecnn_device.kiosk.web.sockets import (
    LOGGED_OUT,
    RESTART,
    TOO_SLOW,
    Client,
    accepted,
    refuse,
)

HEARTBEAT_S = 15.0
_JPEG = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}


def routes(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/events", tags=["events"], responses=documented(401, 403))
    view = Depends(parts.auth.require("view"))

    @router.get("")
    def events(
        kinds: Annotated[list[Kind] | None, Query(max_length=4)] = None,
        camera: Name | None = None,
        before: Sequence | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        found: Principal = view,
    ) -> EventsOut:
        """List stored events, the newest first; `before` of the answer's `next` gives older ones.

        Names of people are in it for the roles operate and admin.
        """
        query = EventQuery(tuple(kinds or ()), camera, before, limit)
        page = parts.kiosk.events.find(query)
        following = page[-1].sequence if len(page) == limit else None
        names = found.may("operate")
        return EventsOut(events=tuple(event_message(e, names) for e in page), next=following)

    @router.get(
        "/{sequence}/thumbnail.jpg", dependencies=[view], response_class=Response,
        responses={200: _JPEG, **documented(404)},
    )  # fmt: skip
    def thumbnail(sequence: Sequence) -> Response:
        """Give the picture that is kept with an event; there is none of people."""
        data = parts.kiosk.events.thumbnail(sequence)
        if data is None:
            raise ApiError(404, "thumbnail", "no picture is kept with that event")
        return Response(data, media_type="image/jpeg")

    @router.websocket("")
    async def live(socket: WebSocket) -> None:
        """Send events as they happen; `after=SEQUENCE` sends those first that were missed."""
        try:
            found = parts.auth.admit(socket, "view")
            after = _sequence(socket.query_params.get("after"))
            with parts.feed.listener() as listener:
                async with accepted(socket) as client:
                    await _tell(parts, found, listener, client, after)
        except ApiError as error:
            await refuse(socket, error)

    return router


async def _tell(
    parts: Parts, found: Principal, listener: Listener, client: Client, after: int | None
) -> None:
    names, last = found.may("operate"), -1
    if after is not None:
        # The listener is there already: what happens during this waits in its queue.
        missed, begins = await run_in_threadpool(newer_than, parts.kiosk.events, after)
        if begins > after:
            await client.send(f'{{"type":"skipped","after":{after},"until":{begins}}}')
        for event in missed:
            await client.send(_message(event, names))
            last = event.sequence
    said_at = time.monotonic()
    while not client.gone:
        new = await listener.next(1.0)
        if listener.too_slow:
            await client.close(TOO_SLOW, "too slow: come again with after=")
        elif listener.ended:
            await client.close(RESTART, "stopping")
        elif not parts.auth.valid(found):
            await client.close(LOGGED_OUT, "logged out")
        elif new is not None and new.sequence > last:
            await client.send(_message(new, names))
            last, said_at = new.sequence, time.monotonic()
        elif time.monotonic() - said_at >= HEARTBEAT_S:
            await client.send('{"type":"heartbeat"}')
            said_at = time.monotonic()


def _message(event: StoredEvent, names: bool) -> str:
    return f'{{"type":"event","event":{event_json(event, names)}}}'


def _sequence(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) > 2**63 - 1:
        raise ApiError(422, "invalid", "after: expected a sequence number")
    return int(text)
