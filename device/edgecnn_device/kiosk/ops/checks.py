"""Checks what a schema cannot: that files, folders, bundles and devices fit the configuration."""

from __future__ import annotations

from pathlib import Path

from edgecnn_device.kiosk.ops.check_bundles import check_bundles
from edgecnn_device.kiosk.ops.check_cameras import check_cameras
from edgecnn_device.kiosk.ops.check_files import check_folders, check_secrets
from edgecnn_device.kiosk.ops.check_network import check_targets, check_web
from edgecnn_device.kiosk.ops.findings import Findings, Report
from edgecnn_device.kiosk.ops.load import Loaded, load_config


def check(loaded: Loaded, *, insecure_http: bool = False, starting: bool = False) -> Report:
    """Check a configuration that fits the schema against this machine, as this user.

    Whether the web's port is free is not looked at: the daemon itself may hold it.

    Args:
        loaded: of `load_config`.
        insecure_http: whether an address that others reach may go without TLS.
        starting: whether this is the daemon, which must see its credentials.
    """
    config, findings = loaded.config, Findings(loaded.document, starting)
    check_cameras(config, findings)
    check_secrets(config, findings)
    check_folders(config, findings)
    check_web(config.web, findings, insecure_http)
    check_targets(config, findings)
    check_bundles(config, findings)
    return findings.report()


def load_checked(
    path: Path, *, insecure_http: bool = False, starting: bool = False
) -> tuple[Loaded, Report]:
    """Load a file and check it; the report has warnings alone.

    Raises:
        ConfigError: the daemon could not start with it.
    """
    loaded = load_config(path)
    report = check(loaded, insecure_http=insecure_http, starting=starting)
    report.raise_errors(path)
    return loaded, report
