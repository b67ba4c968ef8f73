"""Renders what `edgecnn kiosk install` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ops.files import named_files
from edgecnn_device.kiosk.ops.paths import is_credential

DATA = PurePosixPath("/var/lib/edgecnn")
"""What systemd makes, and gives to the service's user."""
PYTHON = PurePosixPath("/opt/edgecnn/bin/python")
CONFIG = PurePosixPath("/etc/edgecnn/kiosk.yaml")
SECRETS = PurePosixPath("/etc/edgecnn/secrets")
"""What systemd hands to the service, root's alone."""
_PLAIN = re.compile(r"/[A-Za-z0-9._/+@-]*[A-Za-z0-9._+@-]")
"""A path that no quoting of systemd's or tmpfiles.d's changes."""
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
"""What ProtectHome= and PrivateTmp= take from the service."""


@dataclass(frozen=True)
class Unit:
    """What the unit depends on; absolute paths, as the service will see them."""

    python: PurePosixPath = PYTHON
    config: PurePosixPath = CONFIG
    credentials: tuple[str, ...] = ()
    """Names of what the configuration takes from systemd."""
    encrypted: tuple[str, ...] = ()
    """Those of them that `systemd-creds encrypt` wrote, as NAME.cred."""
    written: tuple[PurePosixPath, ...] = ()
    """Folders to write in, beside the state directory."""
    backoff: bool = False
    """Whether systemd knows RestartSteps=, as from 254 on."""

    def __post_init__(self) -> None:
        for path in (self.python, self.config):
            _check_visible(path)
        for path in (self.python, self.config, *self.written):
            if not _PLAIN.fullmatch(str(path)):
                raise InputError(f"{path}: expected an absolute path of letters, digits and ._/+@-")


def needs_of(config: KioskConfig) -> tuple[tuple[str, ...], tuple[PurePosixPath, ...]]:
    """Return the credentials that a configuration takes, and the folders it writes in."""
    names = [path.name for _, path in named_files(config) if is_credential(path)]
    folders = [config.data]
    if config.faces.enabled:
        from edgecnn_device.gallery.master import CREDENTIAL  # it loads numpy

        names += [] if config.faces.key_file else [CREDENTIAL]
        folders += [config.faces.gallery.parent, config.faces.keystore.parent]
    outside = {PurePosixPath(f) for f in folders if not PurePosixPath(f).is_relative_to(DATA)}
    return tuple(dict.fromkeys(names)), tuple(sorted(outside))


def render_unit(unit: Unit) -> str:
    """Return the systemd unit."""
    lines = {
        "PYTHON": [str(unit.python)],
        "CONFIG": [str(unit.config)],
        "BACKOFF": ["RestartSteps=6", "RestartMaxDelaySec=60s"] if unit.backoff else [],
        "CREDENTIALS": list(_credentials(unit)),
        "PATHS": [f"ReadWritePaths=-{path}" for path in unit.written],
    }
    return _fill("edgecnn-kiosk.service", lines)


def render_sysusers() -> str:
    """Return the user and groups: sysusers.d(5)."""
    return _fill("edgecnn.sysusers.conf", {})


def render_tmpfiles(unit: Unit) -> str:
    """Return owners and modes of the configuration: tmpfiles.d(5)."""
    return _fill("edgecnn.tmpfiles.conf", {"CONFIG": [str(unit.config)]})


def example() -> str:
    """Return the example configuration."""
    return _fill("kiosk.example.yaml", {})


def _credentials(unit: Unit) -> Iterable[str]:
    for name in unit.credentials:
        if name in unit.encrypted:
            yield f"LoadCredentialEncrypted={name}:{SECRETS}/{name}.cred"
        else:
            yield f"LoadCredential={name}:{SECRETS}/{name}"
    if not unit.credentials:
        yield "# No credential: the configuration names none."


def _fill(name: str, lines: dict[str, list[str]]) -> str:
    text = (files(__package__) / "templates" / name).read_text(encoding="utf-8")
    for key, values in lines.items():
        # A line that holds nothing but an empty mark goes whole.
        text = text.replace(f"@{key}@\n" if not values else f"@{key}@", "\n".join(values))
    return text


def _check_visible(path: PurePosixPath) -> None:
    hidden = [folder for folder in _HIDDEN if path.is_relative_to(folder)]
    if hidden:
        raise InputError(
            f"{path}: the service cannot see what lies below {hidden[0]}: make the environment in "
            "/opt/edgecnn (python3 -m venv --system-site-packages /opt/edgecnn), and keep the "
            "configuration in /etc/edgecnn"
        )
