"""Notices that a file which the configuration names has another content, as a new password."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgecnn_device.kiosk.config import KioskConfig

_SALT = os.urandom(16)
"""Of this process: the hash of a password, were it ever seen, is good for nothing."""
_MOST_BYTES = 1 << 20


def named_files(config: KioskConfig) -> Iterator[tuple[str, Path]]:
    """Yield dotted key and path of every secret, key and certificate."""
    for name, camera in config.cameras.items():
        if camera.password_file is not None:
            yield f"cameras.{name}.password_file", camera.password_file
    if config.faces.key_file is not None:
        yield "faces.key_file", config.faces.key_file
    if config.web.tls is not None:
        yield "web.tls.certificate", config.web.tls.certificate
        yield "web.tls.key", config.web.tls.key
    if config.mqtt is not None:
        for key in ("ca_file", "password_file"):
            if (path := getattr(config.mqtt, key)) is not None:
                yield f"mqtt.{key}", path
    for index, hook in enumerate(config.webhooks):
        yield f"webhooks.{index}.secret_file", hook.secret_file
        if hook.ca_file is not None:
            yield f"webhooks.{index}.ca_file", hook.ca_file
    for index, path in enumerate(config.bundles.trusted_keys):
        yield f"bundles.trusted_keys.{index}", path


def digests(config: KioskConfig) -> Mapping[str, bytes]:
    """Return a salted hash of every file that the configuration names, by dotted key."""
    return {key: _digest(path) for key, path in named_files(config)}


def touched(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the keys of files whose content is another."""
    return tuple(key for key, digest in new.items() if key in old and old[key] != digest)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.blake2b(file.read(_MOST_BYTES), key=_SALT).digest()
    except OSError:
        return b""
