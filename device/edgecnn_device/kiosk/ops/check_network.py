"""Checks what the daemon offers to a network, and what it sends over one."""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from edgecnn.errors import InputError
from edgecnn.files import read_bounded
from edgecnn_device.kiosk.config import KioskConfig, MqttConfig, TlsConfig, WebConfig
from edgecnn_device.kiosk.ops.check_files import warn_unseen
from edgecnn_device.kiosk.ops.findings import Findings
from edgecnn_device.kiosk.ops.strict_yaml import Place

_MOST_BYTES = 1 << 20
"""Of a certificate or a bundle of authorities."""
_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_web(web: WebConfig, findings: Findings, insecure_http: bool) -> None:
    """Check that the page's logins do not travel in the clear, and that its certificate is one."""
    if not web.enabled:
        return
    if web.tls is not None:
        _check_tls(web.tls, findings)
    elif not is_loopback(web.host):
        if insecure_http:
            findings.warn(("web", "host"), "others reach this address, and nothing is encrypted: "
                          "whoever listens can log in")  # fmt: skip
        else:
            findings.error(("web", "host"), "expected web.tls for an address that others reach: "
                           "add it, or take 127.0.0.1, or give --insecure-http")  # fmt: skip
    for index, origin in enumerate(web.origins):
        if not _ORIGIN.fullmatch(origin):
            findings.error(("web", "origins", index), "expected scheme, host and port alone, such "
                           "as https://kiosk.example")  # fmt: skip


def check_targets(config: KioskConfig, findings: Findings) -> None:
    """Check where events are sent."""
    if config.mqtt is not None:
        _check_mqtt(config.mqtt, findings)
    for index, hook in enumerate(config.webhooks):
        place: Place = ("webhooks", index)
        parts = _split(hook.url)
        if parts is None:
            findings.error((*place, "url"), "expected http:// or https:// with a host")
        elif parts[0] == "http" and not is_loopback(parts[1]):
            findings.warn((*place, "url"), "events travel unencrypted: use https://")
        if hook.ca_file is not None:
            findings.attempt((*place, "ca_file"), partial(_check_authority, hook.ca_file))


def _check_mqtt(mqtt: MqttConfig, findings: Findings) -> None:
    if mqtt.password_file is not None and mqtt.username is None:
        findings.error(("mqtt", "password_file"), "expected username beside it: add it")
    if mqtt.ca_file is not None:
        if not mqtt.tls:
            findings.error(("mqtt", "ca_file"), "expected tls: true beside it: add it")
        findings.attempt(("mqtt", "ca_file"), partial(_check_authority, mqtt.ca_file))
    if not mqtt.tls and not is_loopback(mqtt.host):
        if mqtt.password_file is not None:
            findings.warn(("mqtt", "tls"), "the password travels unencrypted: set tls: true")
        if "face" in mqtt.kinds:
            findings.warn(("mqtt", "kinds"), "names of people travel unencrypted: set tls: true")


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return (parts.scheme, parts.hostname) if parts.hostname else None


def _check_tls(tls: TlsConfig, findings: Findings) -> None:
    if warn_unseen(tls.key, ("web", "tls", "key"), findings):
        return
    key = partial(read_bounded, tls.key, _MOST_BYTES, "a private key", private=True)
    if findings.attempt(("web", "tls", "key"), key):
        findings.attempt(("web", "tls", "certificate"), partial(_check_pair, tls, findings))


def _check_pair(tls: TlsConfig, findings: Findings) -> None:
    data = read_bounded(tls.certificate, _MOST_BYTES, "a certificate")
    try:
        # Without a password given, OpenSSL would ask the terminal for that of an encrypted key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            tls.certificate, tls.key, lambda: ""
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{tls.certificate}: expected a PEM certificate and {tls.key} its key, "
                         "without a passphrase") from error  # fmt: skip
    _warn_of_age(data, findings)


def _warn_of_age(certificate: bytes, findings: Findings) -> None:
    """Warn of a certificate out of its time; the clock of a board may be wrong, so only warn."""
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    except ValueError as error:
        raise InputError(f"expected a PEM certificate: {error}") from error
    left = ends - datetime.datetime.now(datetime.timezone.utc)
    if left < datetime.timedelta(days=14):
        findings.warn(("web", "tls", "certificate"), f"it ends on {ends:%Y-%m-%d}: renew it")


def _check_authority(path: Path) -> None:
    data = read_bounded(path, _MOST_BYTES, "a certificate authority")
    try:
        ssl.create_default_context(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InputError(f"{path}: expected PEM certificates") from error
