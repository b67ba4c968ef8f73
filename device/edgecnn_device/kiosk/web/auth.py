"""Who asks, and whether they may: a bearer token, or the cookie of a login of the page."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection

from edgecnn_device.kiosk.web.errors import ApiError, too_often
from edgecnn_device.kiosk.web.hosts import Hosts
from edgecnn_device.kiosk.web.limits import Buckets, Limits
from edgecnn_device.kiosk.web.sessions import Session, Sessions
from edgecnn_device.kiosk.web.tokens import ROLES, Role, TokenStore

COOKIE = "edgecnn_session"
CSRF_HEADER = "X-CSRF-Token"
_BEARER = HTTPBearer(auto_error=False, description="A token of `edgecnn kiosk token add`.")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, description="A login of the page.")
"""For the OpenAPI document; who asks is decided below."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    token: str
    """Id of their token."""
    role: Role
    cookie: str = ""
    """Of their session; empty where the token itself came."""

    def may(self, role: Role) -> bool:
        """Tell whether a role is within theirs."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Auth:
    """Decides who may do what."""

    def __init__(
        self, tokens: TokenStore, sessions: Sessions, hosts: Hosts, limits: Limits
    ) -> None:
        self.tokens, self.sessions, self._hosts = tokens, sessions, hosts
        self._logins, self._failures = Buckets(limits.logins), Buckets(limits.failures)

    def require(self, role: Role) -> Callable[..., Awaitable[Principal]]:
        """Return a dependency of FastAPI that gives who asks, or refuses them."""

        async def principal(
            request: Request,
            _bearer: object = Security(_BEARER),
            _cookie: object = Security(_COOKIE),
        ) -> Principal:
            return self.admit(request, role)

        return principal

    def admit(self, connection: HTTPConnection, role: Role) -> Principal:
        """Return who asks.

        Raises:
            ApiError: 401 nobody is known by that; 403 they may not, or the request came from a
                foreign page; 429 too many wrong tokens.
        """
        found = self._identify(connection)
        if not found.may(role):
            raise ApiError(403, "role", f"this needs the role {role}, the token has {found.role}")
        if connection.scope["type"] == "websocket":
            self._check_origin(connection, needed=bool(found.cookie))
        elif connection.scope["method"] not in _SAFE:
            self._check_origin(connection)
            self._check_csrf(connection, found)
        return found

    def valid(self, principal: Principal) -> bool:
        """Tell whether somebody who was admitted still would be; for what lasts."""
        if principal.cookie and self.sessions.find(principal.cookie) is None:
            return False
        return self.tokens.role(principal.token) == principal.role

    def login(self, connection: HTTPConnection, token: str) -> tuple[str, Session, Role]:
        """Exchange a token for a session; returns what its cookie holds, it, and the role.

        Raises:
            ApiError: 401, 403 or 429.
        """
        self._check_origin(connection)
        if wait_s := self._logins.take(address_of(connection)):
            raise too_often(wait_s)
        row = self.tokens.check(token)
        if row is None:
            raise ApiError(401, "token", "this token is not known, or was revoked")
        cookie, session = self.sessions.begin(row.id)
        return cookie, session, row.role

    def cookie_name(self, connection: HTTPConnection) -> str:
        """Return the cookie's name; a browser takes one with __Host- over TLS alone."""
        return f"__Host-{COOKIE}" if is_secure(connection) else COOKIE

    def _identify(self, connection: HTTPConnection) -> Principal:
        header = connection.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            row = self.tokens.check(token.strip()) if scheme.lower() == "bearer" else None
            if row is None:
                if wait_s := self._failures.take(address_of(connection)):
                    raise too_often(wait_s)
                raise _unknown("this token is not known, or was revoked")
            return Principal(row.id, row.role)
        cookie = connection.cookies.get(self.cookie_name(connection), "")
        session = self.sessions.find(cookie) if cookie else None
        role = self.tokens.role(session.token) if session else None
        if session is None or role is None:
            raise _unknown("log in, or send a token: Authorization: Bearer ek_...")
        return Principal(session.token, role, cookie)

    def _check_csrf(self, connection: HTTPConnection, found: Principal) -> None:
        if not found.cookie:
            return  # no browser adds a bearer token by itself
        session = self.sessions.find(found.cookie)
        given = connection.headers.get(CSRF_HEADER, "").encode("utf-8", "replace")
        if session is None or not hmac.compare_digest(given, session.csrf.encode()):
            raise ApiError(403, "csrf", f"{CSRF_HEADER} is missing or wrong: load the page again")

    def _check_origin(self, connection: HTTPConnection, needed: bool = False) -> None:
        origin = connection.headers.get("Origin")
        if origin is None and not needed:
            return
        scheme = "https" if is_secure(connection) else "http"
        host = connection.headers.get("Host", "")
        if origin is None or not self._hosts.allows(origin, scheme, host):
            raise ApiError(
                403,
                "origin",
                "requests from pages of other sites are refused: where this is the kiosk's own "
                "address, name it in web.origins",
            )


def is_secure(connection: HTTPConnection) -> bool:
    """Tell whether a request came over TLS."""
    return bool(connection.scope["scheme"] in {"https", "wss"})


def address_of(connection: HTTPConnection) -> str:
    """Return the address a request came from; empty where it did not come over a network."""
    return connection.client.host if connection.client else ""


def _unknown(message: str) -> ApiError:
    return ApiError(401, "unknown", message, {"WWW-Authenticate": "Bearer"})
