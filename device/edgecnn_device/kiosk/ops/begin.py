"""What happens before the daemon: private files, logs, a checked configuration, few threads."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from edgecnn_device.kiosk.ops.checks import check
from edgecnn_device.kiosk.ops.load import Loaded, load_config
from edgecnn_device.kiosk.ops.logs import LogFormat, set_up_logging
from edgecnn_device.kiosk.ops.process import make_private, pin_threads
from edgecnn_device.kiosk.ops.redact import Redactor
from edgecnn_device.kiosk.ops.secrets import Secrets, read_secrets

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """What the daemon starts with."""

    loaded: Loaded
    secrets: Secrets
    redactor: Redactor
    """`hide` is to be given the secrets of every later configuration."""
    insecure_http: bool


def begin(
    path: Path, *, insecure_http: bool = False, log_format: LogFormat = "auto",
    log_level: str = "info",
) -> Begun:  # fmt: skip
    """Make the process ready for the daemon; call it before numpy or OpenCV is imported.

    Args:
        path: of the configuration.
        insecure_http: whether an address that others reach may go without TLS.
        log_format: of `set_up_logging`.
        log_level: likewise.

    Raises:
        ConfigError: the daemon cannot start with this file.
    """
    make_private()
    redactor = set_up_logging(log_format, log_level)
    loaded = load_config(path)
    # Before the checks: those of bundles load numpy.
    pin_threads(loaded.config.bundles.threads)
    report = check(loaded, insecure_http=insecure_http, starting=True)
    report.raise_errors(path)
    secrets = read_secrets(loaded.config, str(path))
    redactor.hide(secrets.words())
    for fault in report.warnings:
        _LOG.warning("configuration: %s", fault)
    return Begun(loaded, secrets, redactor, insecure_http)
