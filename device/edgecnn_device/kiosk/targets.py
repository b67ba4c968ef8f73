"""What the configuration wants events delivered to."""

from __future__ import annotations

from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ops.secrets import Secrets
from edgecnn_device.kiosk.store.mqtt import Mqtt
from edgecnn_device.kiosk.store.target import Target
from edgecnn_device.kiosk.store.webhook import Webhook


def make_targets(config: KioskConfig, secrets: Secrets) -> tuple[Target, ...]:
    """Return the broker and the webhooks; nothing is connected yet.

    Raises:
        InputError: a file of authorities, or a secret, cannot be used.
    """
    found: list[Target] = []
    if config.mqtt is not None:
        found.append(Mqtt(config.mqtt, config.name, tuple(config.cameras), secrets.mqtt))
    hooks = zip(config.webhooks, secrets.webhooks, strict=True)
    return (*found, *(Webhook(hook, secret) for hook, secret in hooks))
