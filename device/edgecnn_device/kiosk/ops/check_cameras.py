"""Checks the cameras: what they name exists, and no two take one device."""

from __future__ import annotations

from pathlib import Path

from edgecnn_device.kiosk.config import CameraConfig, KioskConfig
from edgecnn_device.kiosk.ops.explain import nearest
from edgecnn_device.kiosk.ops.findings import Findings
from edgecnn_device.kiosk.ops.source import (
    EXPECTED,
    NETWORK,
    SYNTHETIC,
    address,
    device,
    is_file,
    is_known,
)


def check_cameras(config: KioskConfig, findings: Findings) -> None:
    """Check every camera, and all of them together."""
    taken: dict[str, str] = {}
    for name, camera in config.cameras.items():
        place = ("cameras", name)
        _check_source(camera, place, findings)
        _check_password(camera, place, findings)
        if camera.backoff_s > camera.most_backoff_s:
            findings.error((*place, "backoff_s"), "expected at most most_backoff_s, got more")
        kinds = ((config.notes, camera.notes), (config.faces, camera.faces))
        if not any(on.enabled and looks for on, looks in kinds):
            findings.warn(place, "neither notes nor faces are looked for on it: enable one, or "
                          "delete the camera")  # fmt: skip
        taker = device(camera.source)
        if taker is not None and taken.setdefault(taker, name) != name:
            findings.error((*place, "source"), f"camera {taken[taker]} has this device already: "
                           "give each its own, or delete one")  # fmt: skip


def _check_source(camera: CameraConfig, place: tuple[str, ...], findings: Findings) -> None:
    source = camera.source
    if not is_known(source):
        kinds = [f"{kind}:" for kind in ("usb", "csi", NETWORK[0])] + list(SYNTHETIC)
        near = nearest(
            source if source.startswith("syn") else source.partition(":")[0] + ":", kinds
        )
        meant = f"; did you mean {near}?" if near else ""
        findings.error((*place, "source"), f"expected {EXPECTED}, got something else{meant}")
    elif is_file(source) and not _exists(Path(source)):
        findings.error((*place, "source"), f"{source}: no such video or folder")


def _check_password(camera: CameraConfig, place: tuple[str, ...], findings: Findings) -> None:
    parts = address(camera.source)
    if parts is not None and parts.password is not None:
        findings.error((*place, "source"), "expected no password in the address: write it into a "
                       "file of mode 0600 and name that as password_file")  # fmt: skip
    elif camera.password_file is not None and (parts is None or not parts.username):
        findings.error((*place, "password_file"), "expected a source with a user, such as "
                       "rtsp://user@host/stream: add it, or delete password_file")  # fmt: skip


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False
