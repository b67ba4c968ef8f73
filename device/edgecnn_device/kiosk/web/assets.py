"""The files of the page: a fixed list, read once; no path of a request ever reaches the disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

_FOLDER = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_START = "index.html"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    kind: str
    content: bytes
    tag: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """Return the files by name."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _KINDS:
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            found[path.name] = Asset(_KINDS[path.suffix], content, tag)
    return found


def routes() -> APIRouter:
    """Return the routes of the files; nothing in them is personal, so nobody has to log in."""
    router = APIRouter(include_in_schema=False)
    for name, asset in assets().items():
        path = "/" if name == _START else f"/static/{name}"
        router.add_api_route(path, _sender(asset), methods=["GET", "HEAD"])
    return router


def _sender(asset: Asset):  # type: ignore[no-untyped-def]  # FastAPI reads the inner one
    async def send(request: Request) -> Response:
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.kind, headers=headers)

    return send
