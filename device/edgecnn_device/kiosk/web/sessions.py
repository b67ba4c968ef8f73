"""Logins of the page: in memory, for some hours, and never longer than the token they came from."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_SESSIONS = 256
"""The oldest ends when one more begins."""


@dataclass(frozen=True)
class Session:
    """A login."""

    token: str
    """Id of the token it came from; with it ends the session."""
    csrf: str
    """Has to come back in a header with every request that changes something (a page of another
    site can make a browser send the cookie, but cannot read this)."""
    ends: float
    """By the clock of `Sessions`."""


class Sessions:
    """Who is logged in.

    Args:
        last_h: hours.
        clock: seconds, rising.
    """

    def __init__(self, last_h: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._last_s, self._clock = last_h * 3600, clock
        self._lock = threading.Lock()
        self._all: dict[bytes, Session] = {}

    def begin(self, token: str) -> tuple[str, Session]:
        """Log in with a token's id; returns what the cookie holds, and the session."""
        cookie = secrets.token_urlsafe(32)
        session = Session(token, secrets.token_urlsafe(32), self._clock() + self._last_s)
        with self._lock:
            now = self._clock()
            self._all = {key: kept for key, kept in self._all.items() if kept.ends > now}
            while len(self._all) >= MOST_SESSIONS:
                del self._all[next(iter(self._all))]
            self._all[_key(cookie)] = session
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, unless it ended."""
        with self._lock:
            session = self._all.get(_key(cookie))
            if session and session.ends <= self._clock():
                del self._all[_key(cookie)]
                session = None
        return session

    def left_s(self, session: Session) -> float:
        """Return how long it lasts yet."""
        return max(0.0, session.ends - self._clock())

    def end(self, cookie: str) -> None:
        """Log out."""
        with self._lock:
            self._all.pop(_key(cookie), None)


def _key(cookie: str) -> bytes:
    """Return what a session is found by: the time that a look-up takes tells nothing of cookies."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
