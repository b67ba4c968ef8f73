"""What a download may connect to: https, or http on this machine itself, after redirects too."""

from __future__ import annotations

import ipaddress
import urllib.request
from http.client import HTTPMessage
from typing import IO
from urllib.parse import SplitResult, urlsplit

from edgecnn.errors import InputError


def check_url(url: str) -> None:
    """Refuse an address that weights may not come from.

    Raises:
        InputError: neither https nor http on this machine itself, or with a password in it.
    """
    parts = _split(url)
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise InputError(f"{url!r}: expected an address such as https://host/file")
    if "@" in parts.netloc:
        raise InputError(f"an address on {parts.hostname} with a user name: leave it out")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise InputError(f"{url}: expected https (a file on this machine is given as a path)")


def make_opener(url: str) -> urllib.request.OpenerDirector:
    """Return an opener that follows redirects only where `check_url` allows."""
    direct = [urllib.request.ProxyHandler({})] if _loopback(_split(url).hostname or "") else []
    return urllib.request.build_opener(_CheckedRedirects, *direct)


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        """Check where a redirect leads."""
        check_url(newurl)
        if req.type == "https" and _split(newurl).scheme != "https":
            raise InputError(f"{req.full_url}: redirects to {newurl}: refused, it is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # is parsed, and may be refused, only here
        return parts
    except ValueError as error:
        raise InputError(f"{url}: not an address: {error}") from error


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
