"""Logging the page in and out."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from edgecnn_device.kiosk.web.auth import Principal, is_secure
from edgecnn_device.kiosk.web.errors import documented
from edgecnn_device.kiosk.web.models import LoginIn, SessionOut
from edgecnn_device.kiosk.web.parts import Parts


def routes(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["session"])
    auth, view = parts.auth, Depends(parts.auth.require("view"))

    @router.post("/session", responses=documented(401))
    async def login(request: Request, response: Response, body: LoginIn) -> SessionOut:
        """Exchange a token for a session: an HttpOnly cookie, and a CSRF token to send back."""
        cookie, session, role = auth.login(request, body.token)
        ends_in_s = auth.sessions.left_s(session)
        response.set_cookie(
            auth.cookie_name(request), cookie, max_age=int(ends_in_s), path="/", httponly=True,
            secure=is_secure(request), samesite="strict",
        )  # fmt: skip
        return SessionOut(role=role, csrf=session.csrf, ends_in_s=ends_in_s)

    @router.get("/session", responses=documented(401))
    async def session(found: Principal = view) -> SessionOut:
        """Tell who is logged in, and the CSRF token, to a page that was loaded again."""
        kept = auth.sessions.find(found.cookie) if found.cookie else None
        if kept is None:
            return SessionOut(role=found.role, csrf="", ends_in_s=None)
        return SessionOut(role=found.role, csrf=kept.csrf, ends_in_s=auth.sessions.left_s(kept))

    @router.delete("/session", status_code=204, responses=documented(401))
    async def logout(request: Request, response: Response, found: Principal = view) -> None:
        """End the session; a bearer token goes on until it is revoked."""
        if found.cookie:
            auth.sessions.end(found.cookie)
        response.delete_cookie(
            auth.cookie_name(request), path="/", httponly=True, secure=is_secure(request),
            samesite="strict",
        )  # fmt: skip

    return router
