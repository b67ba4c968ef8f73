"""Checks the secrets' files and the folders that the daemon writes in."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import FacesConfig, KioskConfig
from edgecnn_device.kiosk.ops.findings import Findings
from edgecnn_device.kiosk.ops.paths import is_credential
from edgecnn_device.kiosk.ops.secrets import LEAST_HMAC_BYTES, read_password, read_secret
from edgecnn_device.kiosk.ops.strict_yaml import Place

_SHORT = 8
"""Characters below which a password is guessed in no time."""


def check_secrets(config: KioskConfig, findings: Findings) -> None:
    """Check that every secret is there, and that nobody else can read it."""
    for name, camera in config.cameras.items():
        _password(camera.password_file, ("cameras", name, "password_file"), findings)
    if config.mqtt is not None:
        _password(config.mqtt.password_file, ("mqtt", "password_file"), findings)
    for index, hook in enumerate(config.webhooks):
        place = ("webhooks", index, "secret_file")
        if not warn_unseen(hook.secret_file, place, findings):
            secret = partial(read_secret, hook.secret_file, "a secret", LEAST_HMAC_BYTES)
            findings.attempt(place, secret)
    if config.faces.enabled:
        _check_master_key(config.faces, findings)


def check_folders(config: KioskConfig, findings: Findings) -> None:
    """Check that the daemon can write where it must, and that nobody else reads there."""
    _folder(config.data, ("data",), findings)
    faces = config.faces
    if not faces.enabled:
        return
    for key, path in (("gallery", faces.gallery), ("keystore", faces.keystore)):
        if path.parent != config.data:
            _folder(path.parent, ("faces", key), findings)
    if faces.gallery == faces.keystore:
        findings.error(("faces", "keystore"), "expected a file apart from the gallery: backups "
                       "must hold the one and never the other")  # fmt: skip


def warn_unseen(path: Path, place: Place, findings: Findings) -> bool:
    """Tell, and warn, whether it is a credential that only the service itself can see."""
    if not is_credential(path) or os.environ.get("CREDENTIALS_DIRECTORY"):
        return False
    findings.unseen(place, f"{path.name} is a systemd credential, which only the service sees; for "
                    "a file, write its folder too")  # fmt: skip
    return True


def _password(path: Path | None, place: Place, findings: Findings) -> None:
    if path is None or warn_unseen(path, place, findings):
        return
    try:
        password = read_password(path, "a password")
    except InputError as error:
        findings.error(place, str(error))
        return
    if len(password) < _SHORT:
        findings.warn(place, f"the password has fewer than {_SHORT} characters: take a longer one")


def _check_master_key(faces: FacesConfig, findings: Findings) -> None:
    # The gallery's package loads numpy, which a configuration without faces does not need.
    from edgecnn_device.gallery.master import CREDENTIAL, read_master_key

    place = ("faces", "key_file")
    if faces.key_file is None and not os.environ.get("CREDENTIALS_DIRECTORY"):
        findings.unseen(place, "none is named, so that systemd has to give the service the "
                        f"credential {CREDENTIAL}: run edgecnn kiosk install")  # fmt: skip
    elif faces.key_file is None or not warn_unseen(faces.key_file, place, findings):
        findings.attempt(place, lambda: read_master_key(faces.key_file))


def _folder(path: Path, place: Place, findings: Findings) -> None:
    """Check that a folder can be written, or made."""
    try:
        mode = _mode(path)
        if mode is not None and not stat.S_ISDIR(mode):
            findings.error(place, f"{path}: expected a folder, got a file")
            return
        if mode is not None and mode & 0o007:
            findings.warn(place, f"{path}: every user may look into it: chmod 700 it")
        there = next((p for p in (path, *path.parents) if _mode(p) is not None), path)
        if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
            made = "" if there == path else f" made, because {there} cannot be"
            findings.error(place, f"{path}: cannot be{made} written by user {os.geteuid()}: chown "
                           "it, or name another folder")  # fmt: skip
    except OSError as error:
        findings.error(place, f"{path}: cannot be used: {error.strerror}")


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
