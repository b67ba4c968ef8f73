"""Events by POST, each signed.

A receiver checks the signature over the time stamp, a point and the body as it came::

    import hashlib, hmac, time
    stamp = headers["X-Edgecnn-Timestamp"]
    expected = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    genuine = hmac.compare_digest("sha256=" + expected, headers["X-Edgecnn-Signature"])
    fresh = abs(time.time() - int(stamp)) < 300  # where the body says "synchronized": true

and may get an event more than once: ``X-Edgecnn-Event`` is the same each time.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
import time
from urllib.parse import urlsplit

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import WebhookConfig
from edgecnn_device.kiosk.events import Kind
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store.message import event_json
from edgecnn_device.kiosk.store.post import Answer, Poster
from edgecnn_device.kiosk.store.target import DELIVERED, Outcome

_LEAST_SECRET = 16
_LATER = (408, 429)
"""Of 4xx: come again. All others say that this request will never be taken."""


class Webhook:
    """A receiver of POSTs; a `Target`.

    Args:
        config: where to, and what.
        secret: of the signature, 16 bytes or more.

    Raises:
        InputError: the secret is too short, or the file of authorities cannot be used.
    """

    def __init__(self, config: WebhookConfig, secret: bytes) -> None:
        if len(secret) < _LEAST_SECRET:
            raise InputError(
                f"secret of a webhook: expected {_LEAST_SECRET} bytes or more, came {len(secret)}"
            )
        parts = urlsplit(config.url)
        # A path may hold a token.
        self._name = f"webhook {parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self._key = f"webhook {hashlib.sha256(config.url.encode()).hexdigest()[:16]}"
        self._kinds, self._secret = tuple(config.kinds), secret
        context = _tls(config) if parts.scheme == "https" else None
        self._poster = Poster(config.url, config.timeout_s, context)

    @property
    def key(self) -> str:
        """By its address."""
        return self._key

    @property
    def name(self) -> str:
        """Its host."""
        return self._name

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which events it wants."""
        return self._kinds

    def deliver(self, event: StoredEvent) -> Outcome:
        """Try once; any 2xx is a delivery, and redirects are not followed."""
        body = event_json(event).encode()
        try:
            answer = self._poster.post(body, self._headers(event.event.id, body))
        except TimeoutError as error:
            return Outcome("later", str(error))
        except ssl.SSLError as error:
            return Outcome("later", f"TLS: {error.reason or 'failed'}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Outcome("later", _said(error))
        return _judged(answer)

    def close(self) -> None:
        """End a request that is under way."""
        self._poster.close()

    def _headers(self, id: str, body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "edgecnn-kiosk",
            "Connection": "close",
            "X-Edgecnn-Event": id,
            "X-Edgecnn-Timestamp": stamp,
            "X-Edgecnn-Signature": signature(self._secret, stamp, body),
        }


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return HMAC-SHA256 (RFC 2104) over timestamp, a point and body, as ``sha256=HEX``."""
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def _judged(answer: Answer) -> Outcome:
    if 200 <= answer.status < 300:
        return DELIVERED
    reason = f"status {answer.status}"
    if 400 <= answer.status < 500 and answer.status not in _LATER:
        return Outcome("refused", reason)
    return Outcome("later", reason, answer.retry_after_s)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _tls(config: WebhookConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"{config.ca_file}: is no file of certificates in PEM") from error
