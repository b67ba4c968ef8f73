"""What happens to every request before it is looked at: name, rate, size; and after: headers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgecnn_device.kiosk.web.errors import ApiError, response, too_often
from edgecnn_device.kiosk.web.headers import SECURITY_HEADERS
from edgecnn_device.kiosk.web.hosts import Hosts
from edgecnn_device.kiosk.web.limits import Buckets, Rate

SMALL_BODY = 64 * 1024
"""Bytes that a request may carry unless it is one for pictures."""


class SecurityHeaders:
    """Adds the headers that make a browser careful."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class Admission:
    """Refuses requests for another host, and of who asks too often."""

    def __init__(self, app: ASGIApp, hosts: Hosts, rate: Rate) -> None:
        self._app, self._hosts, self._buckets = app, hosts, Buckets(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif error := self._refusal(scope):
            answer = response(error.status_code, error.code, str(error.detail), error.headers)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        if not self._hosts.answers(Headers(scope=scope).get("Host", "")):
            return ApiError(421, "host", "this kiosk goes by other names: use its address, or "
                            "name this one in web.origins")  # fmt: skip
        wait_s = self._buckets.take(scope["client"][0] if scope.get("client") else "")
        return too_often(wait_s) if wait_s else None


class BodyLimit:
    """Refuses bodies that are too long, whether or not their length was announced.

    Args:
        app: the next one.
        larger: bytes for paths that may take more than `SMALL_BODY`.
    """

    def __init__(self, app: ASGIApp, larger: Mapping[str, int]) -> None:
        self._app, self._larger = app, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; one that is too long ends with status 413 and its connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], SMALL_BODY)
        announced = Headers(scope=scope).get("Content-Length", "0")
        if not announced.isdecimal() or int(announced) > most:
            error = _too_long(most)
            answer = response(413, error.code, str(error.detail), error.headers)
            await answer(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise _too_long(most)
            return message

        await self._app(scope, counted, send)


def _too_long(most: int) -> ApiError:
    return ApiError(413, "too_long", f"at most {most} bytes may be sent there",
                    {"Connection": "close"})  # fmt: skip
