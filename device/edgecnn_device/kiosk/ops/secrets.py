"""Reads the secrets that a configuration names; it holds none itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from edgecnn.errors import ConfigError, Fault, InputError
from edgecnn.files import read_bounded
from edgecnn_device.kiosk.config import KioskConfig

_MOST_BYTES = 4096
LEAST_HMAC_BYTES = 16
"""Of a webhook's secret."""


@dataclass(frozen=True)
class Secrets:
    """What the daemon must know and never say."""

    cameras: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Password by camera, of those that have one."""
    mqtt: str | None = field(default=None, repr=False)
    webhooks: tuple[bytes, ...] = field(default=(), repr=False)
    """In the order of the configuration."""

    def words(self) -> tuple[str, ...]:
        """Return every form in which a secret could stand in a log."""
        texts = [*self.cameras.values(), *([self.mqtt] if self.mqtt else [])]
        for secret in self.webhooks:
            texts += [secret.hex(), base64.b64encode(secret).decode()]
            texts += [secret.decode(errors="ignore")]
        return tuple(text for text in texts if text)


def read_secret(path: Path, what: str, least: int = 1) -> bytes:
    """Read a secret, without the line end that editors add.

    Args:
        path: a file for its owner alone (0600), or a systemd credential.
        what: it is, for messages.
        least: bytes that it must have.

    Raises:
        InputError: it is missing, others may read it, or it is too short or long.
    """
    data = read_bounded(path, _MOST_BYTES, what, private=True)
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    if len(data) < least:
        raise InputError(f"{path}: expected {what} of {least} bytes or more, got {len(data)}")
    return data


def read_password(path: Path, what: str) -> str:
    """Read a password, one line of UTF-8.

    Raises:
        InputError: as `read_secret`, or it is not one line of text.
    """
    try:
        text = read_secret(path, what).decode()
    except UnicodeDecodeError:
        text = ""
    if not text.isprintable() or not text:
        raise InputError(f"{path}: expected {what} on one line, as UTF-8 text")
    return text


def read_secrets(config: KioskConfig, file: str = "configuration") -> Secrets:
    """Read all secrets but the gallery's master key, which stays with the gallery.

    Args:
        config: with absolute paths.
        file: its name, for messages.

    Raises:
        ConfigError: one cannot be used.
    """
    cameras: dict[str, str] = {}
    key = ""
    try:
        for name, camera in config.cameras.items():
            if camera.password_file is not None:
                key = f"cameras.{name}.password_file"
                cameras[name] = read_password(camera.password_file, "a password")
        mqtt = None
        if config.mqtt is not None and config.mqtt.password_file is not None:
            key = "mqtt.password_file"
            mqtt = read_password(config.mqtt.password_file, "a password")
        webhooks = []
        for index, hook in enumerate(config.webhooks):
            key = f"webhooks.{index}.secret_file"
            webhooks.append(read_secret(hook.secret_file, "a secret", LEAST_HMAC_BYTES))
    except InputError as error:
        raise ConfigError(file, (Fault(key, str(error)),)) from error
    return Secrets(MappingProxyType(cameras), mqtt, tuple(webhooks))
