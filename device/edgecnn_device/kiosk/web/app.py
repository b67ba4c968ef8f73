"""The page and the API as one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI

from edgecnn import __version__
from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.ports import Kiosk
from edgecnn_device.kiosk.web import (
    assets,
    errors,
    routes_cameras,
    routes_events,
    routes_people,
    routes_session,
    routes_state,
)
from edgecnn_device.kiosk.web.auth import Auth
from edgecnn_device.kiosk.web.feed import Feed
from edgecnn_device.kiosk.web.hosts import Hosts
from edgecnn_device.kiosk.web.limits import Limits
from edgecnn_device.kiosk.web.live import LiveHub
from edgecnn_device.kiosk.web.middleware import Admission, BodyLimit, SecurityHeaders
from edgecnn_device.kiosk.web.parts import Parts
from edgecnn_device.kiosk.web.sessions import Sessions
from edgecnn_device.kiosk.web.tokens import TokenStore
from edgecnn_device.kiosk.web.uploads import MOST_FORM
from edgecnn_device.kiosk.web.waiting import Lane

API = "/api/v1"
FLUSH_S = 600.0
"""Between two writes of when tokens were used."""
_FACES_AT_ONCE = 4
_DESCRIPTION = """\
Roles: view < operate < admin. Send a token as `Authorization: Bearer ek_...`; the page exchanges
one for a cookie (`POST /api/v1/session`) and sends `X-CSRF-Token` with what changes something.

WebSockets: `/api/v1/events?after=SEQUENCE` sends `{"type": "event", "event": ...}` as events
happen, those missed since a sequence number first, `{"type": "skipped", ...}` where those were too
many, and `{"type": "heartbeat"}` every 15 s. `/api/v1/cameras/{camera}/live` sends
`{"type": "frame", ...}` and a JPEG after it, the next pair when the client sent any message;
`{"type": "still"}` while the camera gives nothing. Closed with 1012: the kiosk restarts; 1013: the
client is too slow; 4401: the login ended.
"""


def create_app(
    kiosk: Kiosk, config: WebConfig, tokens: TokenStore, *, consent: str = "",
    bundles: Path | None = None, limits: Limits | None = None,
) -> FastAPI:  # fmt: skip
    """Return the application.

    Args:
        kiosk: the daemon.
        config: names, rates and bounds; its address is `Server`'s matter.
        tokens: who may do what.
        consent: text to be accepted before an enrolment; empty: the page's own.
        bundles: folder of bundles that an administrator may try by name.
        limits: how often one address may ask.
    """
    limits, hosts = limits or Limits(), Hosts.of(config)
    parts = Parts(
        kiosk=kiosk, config=config, consent=consent, bundles=bundles,
        auth=Auth(tokens, Sessions(config.session_h), hosts, limits),
        live=LiveHub(kiosk.live, config.live_rate, config.live_width, config.viewers),
        feed=Feed(kiosk.events), faces=Lane("faces", _FACES_AT_ONCE), chores=Lane("chore", 1),
    )  # fmt: skip
    app = FastAPI(
        title="edgecnn kiosk", version=__version__, description=_DESCRIPTION, docs_url=None,
        redoc_url=None, openapi_url=None, lifespan=_lifespan,
        responses=errors.documented(413, 421, 422, 429),
    )  # fmt: skip
    app.state.parts = parts
    errors.install(app)
    app.include_router(assets.routes())
    app.include_router(routes_state.probes(parts))
    for module in (routes_session, routes_state, routes_cameras, routes_events, routes_people):
        app.include_router(module.routes(parts), prefix=API)
    routes_state.document(app, parts)
    # The last one added is the first that a request meets.
    app.add_middleware(BodyLimit, larger={f"{API}{routes_people.PREFIX}": MOST_FORM})
    app.add_middleware(Admission, hosts=hosts, rate=limits.requests)
    app.add_middleware(SecurityHeaders)
    return app


def parts_of(app: FastAPI) -> Parts:
    """Return what the routes of an app share."""
    found = app.state.parts
    assert isinstance(found, Parts)
    return found


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    tokens = parts_of(app).auth.tokens

    async def flush() -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await asyncio.to_thread(tokens.flush)

    task = asyncio.ensure_future(flush())
    yield
    task.cancel()
