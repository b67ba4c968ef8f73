"""The master key: 32 random bytes in a file of their own, or a systemd credential."""

from __future__ import annotations

import os
from pathlib import Path

from edgecnn.errors import GalleryError, InputError
from edgecnn.files import read_bounded, write_atomic
from edgecnn_device.gallery.sealing import KEY_BYTES

CREDENTIAL = "edgecnn-gallery-key"
"""Name of the systemd credential: `LoadCredentialEncrypted=edgecnn-gallery-key:...`."""


def create_master_key(path: Path) -> None:
    """Write a new master key that its owner alone may read; nothing else ever makes one.

    Raises:
        InputError: there is a file already, or it cannot be written.
    """
    write_atomic(path, os.urandom(KEY_BYTES), mode=0o600)


def read_master_key(path: Path | None) -> bytes:
    """Read a master key.

    Args:
        path: a file; None takes the systemd credential `edgecnn-gallery-key`.

    Raises:
        GalleryError: it is missing, others may read it, or it is not 32 bytes long.
    """
    place = _credential() if path is None else path
    try:
        key = read_bounded(place, KEY_BYTES, "a master key", private=True)
    except InputError as error:
        raise GalleryError(str(error)) from error
    if len(key) != KEY_BYTES:
        raise GalleryError(
            f"{place}: a master key is {KEY_BYTES} bytes, but there are {len(key)} bytes"
        )
    return key


def _credential() -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise GalleryError(
            "no master key: give a key file, or start with the systemd credential "
            f"{CREDENTIAL} (there is no $CREDENTIALS_DIRECTORY)"
        )
    return Path(folder) / CREDENTIAL
