"""Takes credentials out of text: a camera's address holds them, and errors and logs repeat it.

It takes too much rather than too little: whatever could be a user, a password or a token goes.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

MASK = "***"
_LEAST = 3
"""Characters of a secret that is looked for by itself; a shorter one would blot out whole texts."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s]*)")
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d{0,5})?[\"'.,;:)>]*")
"""With its port, and punctuation of the text around the address."""
_KEYS = "pass|pwd|pw|user|usr|login|account|auth|token|secret|key|sig|sess|cred"
_VALUE = re.compile(
    rf"(?i)((?:[\w.%-]*)(?:{_KEYS})[\w.%-]*(?:=|%3d))(\"[^\"]*\"|'[^']*'|[^&#;\s\"']*)"
)
_HEADER = re.compile(r"(?i)(authorization\s*[:=]\s*)\S.*")


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a text without user names, passwords and tokens.

    Args:
        text: an error, a log line or an address; of addresses any number, anywhere in it.
        secrets: what is to go wherever it stands, plain or percent-encoded, of `secrets_of`.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST:
            text = text.replace(secret, MASK)
    text = _ADDRESS.sub(lambda found: found[1] + _without_user(found[2]), text)
    return _HEADER.sub(rf"\1{MASK}", _VALUE.sub(rf"\1{MASK}", text))


def secrets_of(source: str, password: str | None = None) -> tuple[str, ...]:
    """Return what must never be shown of a source: its user, its password, and how else they look.

    Args:
        source: as it is configured.
        password: that of its password file.
    """
    found = {password or ""}
    if "://" in source and "@" in source:
        user, _, rest = source.split("://", 1)[1].rpartition("@")[0].partition(":")
        found |= {user, rest, f"{user}:{rest}"}
    shapes = {shape for part in found for shape in (part, quote(part, safe=""), unquote(part))}
    return tuple(sorted(shapes - {""}))


def _without_user(rest: str) -> str:
    """Mask what stands before the host of an address (RFC 3986, 3.2), given what follows ``://``.

    A password may hold ``@`` and ``/`` that should have been encoded, so everything up to the last
    ``@`` goes; without any, what stands where a port must be and is none may be a password whose
    end was cut off.
    """
    if "@" in rest:
        return f"{MASK}@{rest.rpartition('@')[2]}"
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return rest if _HOST.fullmatch(authority) else MASK
