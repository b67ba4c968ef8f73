"""AES-256-GCM as the gallery uses it: a random nonce before every ciphertext.

NIST SP 800-38D, section 8.3: a key seals at most 2**32 times with random nonces of 96 bits. A
person's key seals one name and their templates, the master key one key per person.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES, _TAG_BYTES = 12, 16


def seal(cipher: AESGCM, plain: bytes, about: bytes) -> bytes:
    """Return nonce, ciphertext and tag; ``about`` is bound to them, and not stored."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, about)


def unseal(cipher: AESGCM, sealed: object, about: bytes) -> bytes:
    """Return what was sealed.

    Args:
        cipher: of the key that sealed.
        sealed: what a database gave; a flipped bit can change even its type.
        about: exactly what was bound.

    Raises:
        InvalidTag: another key, another ``about``, or a single bit that differs.
    """
    if not isinstance(sealed, bytes) or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)


def blind(key: bytes, kind: str, text: str) -> bytes:
    """Return 16 bytes by which ``text`` is found again, and from which it cannot be told."""
    return hmac.new(key, f"{kind}\0{text}".encode(), hashlib.sha256).digest()[:16]
