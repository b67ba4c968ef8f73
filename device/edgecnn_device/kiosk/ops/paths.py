"""Makes the paths of a configuration absolute, so that the working folder plays no part.

Relative ones start at the folder of the file; gallery and keystore at `data`. A secret without any
folder, such as `password_file: mqtt-password`, is the systemd credential of that name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from edgecnn_device.kiosk.config import (
    BundlesConfig,
    CameraConfig,
    FacesConfig,
    KioskConfig,
    Section,
)
from edgecnn_device.kiosk.ops.source import is_file

_Section = TypeVar("_Section", bound=Section)
UNIT = "edgecnn-kiosk.service"


def credentials_folder() -> Path:
    """Return where systemd puts the service's credentials: systemd.exec(5), LoadCredential."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given else Path("/run/credentials") / UNIT


def is_credential(path: Path) -> bool:
    """Tell whether an absolute path is that of a credential."""
    return path.parent == credentials_folder()


def absolute(config: KioskConfig, base: Path) -> KioskConfig:
    """Return the configuration with absolute paths.

    Args:
        config: as written.
        base: folder of the file.
    """
    data = base / config.data
    web = config.web
    if web.tls is not None:
        pair = {"certificate": base / web.tls.certificate, "key": _secret(web.tls.key, base)}
        web = web.model_copy(update={"tls": web.tls.model_copy(update=pair)})
    notes = {k: _bundle(getattr(config.notes, k), base) for k in ("detector", "reader")}
    update: dict[str, Any] = {
        "data": data,
        "cameras": {name: _camera(camera, base) for name, camera in config.cameras.items()},
        "notes": config.notes.model_copy(update=notes),
        "faces": _faces(config.faces, base, data),
        "web": web,
        "webhooks": tuple(_files(hook, base) for hook in config.webhooks),
        "bundles": _bundles(config.bundles, base),
    }
    if config.mqtt is not None:
        update["mqtt"] = _files(config.mqtt, base)
    return config.model_copy(update=update)


def _camera(camera: CameraConfig, base: Path) -> CameraConfig:
    source = str(base / camera.source) if is_file(camera.source) else camera.source
    return _files(camera.model_copy(update={"source": source}), base)


def _faces(faces: FacesConfig, base: Path, data: Path) -> FacesConfig:
    named = {k: getattr(faces, k) for k in ("detector", "points", "embedder")}
    update: dict[str, Any] = {k: _bundle(v, base) for k, v in named.items() if v is not None}
    update |= {"gallery": data / faces.gallery, "keystore": data / faces.keystore}
    if faces.key_file is not None:
        update["key_file"] = _secret(faces.key_file, base)
    return faces.model_copy(update=update)


def _bundles(bundles: BundlesConfig, base: Path) -> BundlesConfig:
    keys = tuple(base / key for key in bundles.trusted_keys)
    return bundles.model_copy(update={"trusted_keys": keys})


def _files(section: _Section, base: Path) -> _Section:
    """Return a section with its password, secret and authority absolute."""
    update: dict[str, Path] = {}
    for key in ("password_file", "secret_file"):
        if (path := getattr(section, key, None)) is not None:
            update[key] = _secret(path, base)
    if (path := getattr(section, "ca_file", None)) is not None:
        update["ca_file"] = base / path
    return section.model_copy(update=update)


def _secret(path: Path, base: Path) -> Path:
    return (credentials_folder() if len(path.parts) == 1 else base) / path


def _bundle(name: str, base: Path) -> str:
    """Return the name of a shipped bundle as it is, and a path absolute."""
    return str(base / name) if "/" in name or name.endswith(".edge") else name
